"""Facts about the patient, each with its source: coded resources and the text of notes."""
