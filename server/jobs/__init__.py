"""Durable work: leased from the store, done by the business's handlers, tried again with backoff."""
