"""Signed download links: what one says, sealed under the tenant's key, so that it can be neither read, made nor changed.

A link names a tenant, a Binary's version, when it ends and who made it. It is no token: it opens this content and nothing else.
Only the tenant's number can be read in it. Links end when the tenant's data key is changed, as search cursors do.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

import msgspec

from server.seal.cipher import SealBrokenError
from server.seal.keyring import Keyring, Tenant

PATH: Final = "/documents/"
LONGEST_TEXT: Final = 1024
_NUMBER: Final = 4


class Link(msgspec.Struct, frozen=True, array_like=True):
    """`expires` in whole seconds since 1970; `maker` is the caller who asked for it, `user` the reference of that person, if any."""

    id: str
    version: int
    expires: int
    maker: str
    user: str = ""


_DECODER: Final = msgspec.msgpack.Decoder(Link)


@dataclass(frozen=True, slots=True)
class OpenedLink:
    tenant: Tenant
    link: Link


def write_link(tenant: Tenant, link: Link) -> str:
    """The text that stands behind `PATH`."""
    sealed = tenant.cipher.seal(msgspec.msgpack.encode(link), _binding(tenant.number))
    return base64.urlsafe_b64encode(tenant.number.to_bytes(_NUMBER) + sealed).rstrip(b"=").decode()


async def open_link(keyring: Keyring, text: str) -> OpenedLink | None:
    """None for what is no link of ours, was changed, or is of a tenant that is retired. Whether it has ended is not looked at."""
    if len(text) > LONGEST_TEXT or not text.isascii():
        return None
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        tenant = await keyring.found(int.from_bytes(packed[:_NUMBER]))
        plain = tenant.cipher.open(packed[_NUMBER:], _binding(tenant.number))
        link = _DECODER.decode(plain)
    except (binascii.Error, ValueError, KeyError, SealBrokenError, msgspec.DecodeError):
        return None
    return None if keyring.is_retired(tenant.number) else OpenedLink(tenant, link)


def _binding(tenant: int) -> bytes:
    return f"link/{tenant}".encode()
