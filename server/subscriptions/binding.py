"""Tokens by which a websocket is bound to Subscriptions ($get-ws-binding-token): good for some minutes, and nothing is kept of them."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Final

import msgspec

from server.seal.keyring import Tenant

SECONDS: Final = 300
LONGEST: Final = 8192


class _Bound(msgspec.Struct, frozen=True):
    tenant: str
    subscriptions: tuple[str, ...]
    until: int


_DECODER: Final = msgspec.json.Decoder(_Bound)


def token_for(tenant: Tenant, subscriptions: Sequence[str], until: int) -> str:
    """`until` in microseconds."""
    content = msgspec.json.encode(_Bound(tenant.name, tuple(subscriptions), until))
    return f"{base64.urlsafe_b64encode(content).decode().rstrip('=')}.{_proof(tenant, content)}"


def tenant_named(token: str) -> str | None:
    """The tenant that a token says it is of; nothing is proven yet."""
    found = _content(token)
    return None if found is None else found[1].tenant


def bound(tenant: Tenant, token: str, now: int) -> tuple[str, ...] | None:
    """The Subscriptions that a token is good for; None where it is none of ours, or too old."""
    found = _content(token)
    if found is None:
        return None
    content, said = found
    proven = hmac.compare_digest(token.partition(".")[2].encode(), _proof(tenant, content).encode())
    return said.subscriptions if proven and said.tenant == tenant.name and now < said.until else None


def _content(token: str) -> tuple[bytes, _Bound] | None:
    if len(token) > LONGEST or not token.isascii():
        return None
    first = token.partition(".")[0]
    try:
        content = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4))
        return content, _DECODER.decode(content)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None


def _proof(tenant: Tenant, content: bytes) -> str:
    return tenant.index.unique_key(("subscription-binding", content.hex())).hex()
