"""What an authorization is about while the person goes from page to page: sealed, and carried by the pages themselves.

Nothing is kept on the server for somebody who has not signed in. A form's flow is bound to the browser by a cookie, and, once there
is one, to the session: a form that another site made, or another person's page, is worth nothing (RFC 6819 5.3.5).
"""

from __future__ import annotations

import base64
import hmac
from typing import Any, Final

import msgspec

from server.oauth.errors import PageError
from server.seal.cipher import SealBrokenError
from server.seal.keyring import Tenant

LASTS: Final = 1800
"""Seconds that a person may take."""

_BINDING: Final = b"authorization-flow"
STALE: Final = "This page is no longer good. Go back to the app and start again."


class Flow(msgspec.Struct, frozen=True, omit_defaults=True):
    """`begun` is in seconds. `fresh_from`, in microseconds: the person must have proved who they are since then."""

    client: str
    redirect_uri: str
    scope: str
    state: str
    audience: str
    challenge: str
    begun: int
    nonce: str = ""
    silent: bool = False
    """prompt=none: no page may be shown."""
    fresh_from: int = 0
    login_hint: str = ""
    launched: bool = False
    launched_for: str = ""
    """The account that an EHR launched the app for; empty: whoever signs in."""
    patient: str = ""
    encounter: str = ""
    encounter_asked: bool = False
    fhir_context: list[dict[str, Any]] = []
    intent: str = ""
    browser: str = ""
    session: str = ""
    place: str = ""
    """Where the person goes when they are signed in: a page of this server. Then there is no client."""
    half: str = ""
    """A code is asked for: what tells the server whether the password was right (`accounts.sign_in.Half`)."""
    half_at: int = 0
    name: str = ""
    """What was typed as a name; with `half`."""


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Flow)


def to_place(place: str, now: int, name: str = "") -> Flow:
    """Of somebody who wants to see a page of this server, such as `/account`. `now` in seconds; `name` is put into the form."""
    return Flow("", "", "", "", "", "", now, place=place, login_hint=name)


def seal(tenant: Tenant, flow: Flow) -> str:
    sealed = tenant.cipher.seal(_ENCODER.encode(flow), _BINDING)
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def open_flow(tenant: Tenant, text: str, now: int) -> Flow:
    """`now` in seconds. Raises PageError for what this server did not seal, and for what began too long ago."""
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        flow = _DECODER.decode(tenant.cipher.open(sealed, _BINDING))
    except (ValueError, SealBrokenError, msgspec.DecodeError) as error:
        raise PageError(STALE) from error
    if now > flow.begun + LASTS:
        raise PageError(STALE)
    return flow


def check_browser(flow: Flow, browser: str | None) -> None:
    """Raises PageError for a page that was not made for this browser."""
    if not browser or not flow.browser or not hmac.compare_digest(flow.browser, browser):
        raise PageError(
            "Your browser did not send back what this page gave it: allow cookies for this address, and start again in the app."
        )


def check_session(flow: Flow, session: str) -> None:
    """Raises PageError for a page that was made for another session, or for one that is over."""
    if flow.session and flow.session != session:
        raise PageError(STALE)
