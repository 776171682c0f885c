"""FHIR REST (R4 http.html): requests parsed once, routed by a table, answered with bytes."""
