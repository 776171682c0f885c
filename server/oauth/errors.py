"""What an OAuth endpoint refuses, by the codes of the RFCs (6749 4.1.2.1 and 5.2, 6750, 7009, 7591, OpenID Connect Core 3.1.2.6).

Descriptions are fixed sentences of ours: they repeat nothing of what was sent, and are ASCII without quotes, as RFC 6749 wants.
"""

from __future__ import annotations

from typing import Final, Literal

from server.auth.principal import Principal

Code = Literal[
    "access_denied",
    "consent_required",
    "interaction_required",
    "invalid_client",
    "invalid_client_metadata",
    "invalid_grant",
    "invalid_redirect_uri",
    "invalid_request",
    "invalid_scope",
    "invalid_token",
    "insufficient_scope",
    "login_required",
    "request_not_supported",
    "request_uri_not_supported",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
]

_STATUS: Final[dict[Code, int]] = {
    "invalid_client": 401,
    "invalid_token": 401,
    "insufficient_scope": 403,
    "access_denied": 403,
    "temporarily_unavailable": 503,
}


class OAuthError(Exception):
    """A refusal. `challenge` is the value of a WWW-Authenticate header.

    `client`, where it is one of ours, is who proved to be it or tried to: the audit trail names it, and the answer does not.
    """

    def __init__(
        self, code: Code, description: str, *, status: int | None = None, challenge: str | None = None, client: str = ""
    ) -> None:
        super().__init__(description)
        self.client = client
        self.code: Code = code
        self.description = description
        self.status = status or _STATUS.get(code, 400)
        self.challenge = challenge


class PageError(Exception):
    """Nothing that may be sent to a redirect address: the person sees a page that says so. `who` they are is for the audit trail."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.who: Principal | None = None
        self.text = text
        self.status = status
