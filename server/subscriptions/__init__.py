"""Topic-based subscriptions on R4 (Subscriptions R5 Backport 1.1, Da Vinci PAS): who is told of which change, and how (docs/subscriptions.md)."""
