"""FHIR search over sealed records: text -> tree -> plan (store algebra) -> Bundle."""
