"""Who decides: the built-in payer and the connector to a remote PAS endpoint."""
