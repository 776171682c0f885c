"""`$validate` and validation on write: the validator of `profiles` with what a tenant has stored and what the server knows of codes."""
