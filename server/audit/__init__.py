"""The audit trail: a compact record of every interaction, committed with it, rendered as AuditEvent when asked for."""
