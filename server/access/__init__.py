"""Which part of a tenant's records a caller may reach: one predicate, handed to whoever fetches (docs/security.md)."""
