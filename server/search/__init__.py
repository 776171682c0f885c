"""FHIR search over sealed records: text -> criteria -> plan (store algebra) -> Bundle."""
