"""FHIR Bulk Data Access: `$export` and `$import` of NDJSON as jobs, and the files that they leave for a while."""
