"""Facts from the text of notes: sentences with exact offsets, what each says about a matter, and rules for each matter."""
