"""Fetching from an address that somebody else chose, without being led into the house's own network (SSRF).

The name is looked up once, every address that it has must be a public one, and the connection goes to that address: what a second
look-up would say does not matter. No redirects, bounded time and size. Networks that an operator names may be reached all the same.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

SECONDS: Final = 5.0
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class OutgoingError(Exception):
    """The address may not be fetched, or did not answer as it should; the message is a fixed sentence."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """`inner`: networks of the house that may be reached, over plain http as well."""

    client: httpx.AsyncClient
    inner: tuple[Network, ...] = ()

    async def fetch(self, url: str, largest: int, accept: str = "application/json") -> bytes:
        """The body of a 200. Raises OutgoingError."""
        target, host = await self._target(url)
        headers = {"Host": host, "Accept": accept}
        extensions = {"sni_hostname": urlsplit(url).hostname or ""}
        try:
            async with asyncio.timeout(SECONDS):
                async with self.client.stream("GET", target, headers=headers, extensions=extensions) as answer:
                    if answer.status_code != 200:
                        raise OutgoingError("The address did not answer with 200.")
                    return await _body(answer, largest)
        except (httpx.HTTPError, TimeoutError) as error:
            raise OutgoingError("The address could not be reached.") from error

    async def _target(self, url: str) -> tuple[str, str]:
        """The address with the host's number in the place of its name, and the Host header."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or {"https": 443, "http": 80}[parts.scheme]
        except (ValueError, KeyError) as error:
            raise OutgoingError("The address is not one of https.") from error
        if not host or parts.username is not None:
            raise OutgoingError("The address is not one of https.")
        found = await _looked_up(host, port)
        inside = all(any(address in network for network in self.inner) for address in found)
        if not inside and (parts.scheme != "https" or not all(is_public(address) for address in found)):
            raise OutgoingError("The address is not a public one of https.")
        number = f"[{found[0]}]" if found[0].version == 6 else str(found[0])
        rest = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        return f"{parts.scheme}://{number}:{port}{rest}", parts.netloc


def is_public(address: Address) -> bool:
    """Whether it is an address of the whole world's, also when it is written as one of IPv6."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    plain = mapped or address
    return plain.is_global and not plain.is_multicast and not plain.is_reserved


async def _looked_up(host: str, port: int) -> list[Address]:
    """Raises OutgoingError."""
    try:
        found = await asyncio.wait_for(asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM), SECONDS)
        return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    except (OSError, TimeoutError, UnicodeError, ValueError) as error:
        raise OutgoingError("The host of the address is not known.") from error


async def _body(answer: httpx.Response, largest: int) -> bytes:
    read = bytearray()
    async for piece in answer.aiter_bytes():
        read += piece
        if len(read) > largest:
            raise OutgoingError("The answer of the address is too large.")
    return bytes(read)
