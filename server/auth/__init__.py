"""Who calls and what they may do: bearer tokens (RFC 6750, RFC 9068), SMART scopes, roles, and the decision.

The SMART App Launch server comes later; it will issue tokens of the shape that `access_token` reads today.
"""
