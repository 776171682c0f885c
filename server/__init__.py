"""Floor 3: speaks HTTP and keeps data (FHIR REST, search, store, authorization, audit, jobs)."""
