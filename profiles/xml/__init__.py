"""Resources as XML (FHIR R4 xml.html): the same content as in JSON, read and written by the table of R4's structure."""
