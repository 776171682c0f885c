"""Loading FHIR files from disk in large commits: read here, prepared by processes of their own, committed in one stream."""
