"""What SCIM refuses, by RFC 7644 section 3.12. Details are fixed sentences of ours, or name an attribute of the schema."""

from __future__ import annotations

from typing import Final, Literal

from server.oauth.wire import Answer, json_answer

ScimType = Literal[
    "",
    "invalidFilter",
    "invalidPath",
    "invalidSyntax",
    "invalidValue",
    "mutability",
    "noTarget",
    "tooMany",
    "uniqueness",
]

CONTENT_TYPE: Final = "application/scim+json"
_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:Error"


class ScimError(Exception):
    """A refusal. `challenge` is the value of a WWW-Authenticate header."""

    def __init__(self, detail: str, scim_type: ScimType = "", status: int = 400, challenge: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.scim_type: ScimType = scim_type
        self.status = status
        self.challenge = challenge


def error_answer(error: ScimError, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    content = {"schemas": [_SCHEMA], "status": str(error.status), "detail": error.detail}
    if error.scim_type:
        content["scimType"] = error.scim_type
    challenge = (("WWW-Authenticate", error.challenge),) if error.challenge else ()
    plain = json_answer(content, error.status)
    return Answer(plain.status, plain.body, CONTENT_TYPE, (*plain.headers, *challenge, *headers))
