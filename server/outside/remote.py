"""What is asked of a provider itself: where its endpoints and keys are (OpenID Connect Discovery 1.0), and an id_token for a code.

All of it goes through the guard of server/outgoing.py. Discovery is remembered for some minutes, and that it failed for some seconds:
whoever opens a sign-in page must not make this server call somewhere each time.
"""

from __future__ import annotations

import base64
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from profiles import json
from server.oauth.client_keys import ClientKeys, Key, KeySetError
from server.outgoing import Outgoing, OutgoingError
from server.outside.provider import Provider

LARGEST: Final = 64 * 1024
FRESH_SECONDS: Final = 300.0
FAILED_SECONDS: Final = 10.0
MOST: Final = 200
_WELL_KNOWN: Final = "/.well-known/openid-configuration"


class OutsideError(Exception):
    """A sign-in through a provider cannot go on. `code` is for the audit trail; nothing of it is shown."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Metadata:
    """`says_iss`: its answers name it (RFC 9207)."""

    authorization: str
    token: str
    jwks: str
    says_iss: bool


@dataclass(slots=True)
class Remote:
    """One of these to a process."""

    outgoing: Outgoing
    keys: ClientKeys
    _known: OrderedDict[str, tuple[float, Metadata | None]] = field(default_factory=OrderedDict)

    async def metadata(self, provider: Provider) -> Metadata:
        """Raises OutsideError."""
        at, known = self._known.get(provider.issuer, (0.0, None))
        age = time.monotonic() - at
        if provider.issuer not in self._known or age > (FRESH_SECONDS if known is not None else FAILED_SECONDS):
            known = await self._discover(provider.issuer)
            self._known[provider.issuer] = (time.monotonic(), known)
            self._known.move_to_end(provider.issuer)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        if known is None:
            raise OutsideError("outside-discovery")
        return known

    async def _discover(self, issuer: str) -> Metadata | None:
        try:
            content = json.loads(await self.outgoing.fetch(issuer.rstrip("/") + _WELL_KNOWN, LARGEST))
        except (OutgoingError, json.JsonError):
            return None
        return _metadata(issuer, content) if isinstance(content, dict) else None

    async def key(self, metadata: Metadata, key_id: str, algorithm: str) -> Key:
        """Raises OutsideError."""
        try:
            return await self.keys.find(None, metadata.jwks, key_id, algorithm)
        except KeySetError as error:
            raise OutsideError("outside-key") from error

    async def id_token(self, provider: Provider, metadata: Metadata, code: str, verifier: str, redirect_uri: str) -> str:
        """For a code (RFC 6749 4.1.3). Raises OutsideError."""
        fields = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier,
        }  # fmt: skip
        headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
        if provider.method == "client_secret_basic":
            headers.append(("Authorization", _basic(provider.client_id, provider.client_secret)))
        else:
            fields["client_id"] = provider.client_id
        if provider.method == "client_secret_post":
            fields["client_secret"] = provider.client_secret
        try:
            status, body = await self.outgoing.post(metadata.token, urlencode(fields).encode(), headers, LARGEST)
            answer = json.loads(body) if status == 200 else None
        except (OutgoingError, json.JsonError) as error:
            raise OutsideError("outside-token-endpoint") from error
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise OutsideError("outside-token-endpoint")
        return token


def _metadata(issuer: str, content: dict[str, Any]) -> Metadata | None:
    """None for a document that is not this issuer's own (Discovery 4.3), or without what is needed."""
    addresses = [content.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    schemes = ("https://",) if issuer.startswith("https://") else ("https://", "http://")
    if content.get("issuer") != issuer:
        return None
    if not all(isinstance(address, str) and address.startswith(schemes) and len(address) < 2000 for address in addresses):
        return None
    challenges = content.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(challenges, list) or "S256" not in challenges:
        return None
    says_iss = content.get("authorization_response_iss_parameter_supported") is True
    return Metadata(str(addresses[0]), str(addresses[1]), str(addresses[2]), says_iss)


def _basic(client_id: str, secret: str) -> str:
    """RFC 6749 2.3.1: each is encoded as in a form first."""
    return "Basic " + base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()
