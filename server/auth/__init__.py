"""Who calls and what they may do: bearer tokens (RFC 6750, RFC 9068), SMART scopes, roles, and the decision.

The authorization server (server/oauth) issues tokens of the shape that `access_token` reads.
"""
