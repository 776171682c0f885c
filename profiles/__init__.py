"""Floor 1: what a valid resource is (R4 structure, references, issues, search parameters, PAS rules)."""
