"""FHIR packages: conformance resources, terminology, questionnaires and policies that a tenant installs and removes as one."""
