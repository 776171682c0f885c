"""Fetching from, and sending to, an address that somebody else chose, without being led into the house's own network (SSRF).

Nothing else in this server makes a request (a test says so). The name is looked up once, every address that it has must be a public one, and the connection goes to that address: what a second
look-up would say does not matter. No redirects, bounded time and size. Networks that an operator names may be reached all the same.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.parse import urlsplit

import httpx

SECONDS: Final = 5.0
LARGEST_ANSWER: Final = 32 * 2**20
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS: Final = {"https": 443, "http": 80}
_FREE_PORTS: Final = 1024
"""Below it, ports belong to other services: mail, shells, directories."""

_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
_ONCE: Final = httpx.Limits(max_keepalive_connections=0)
_PLAIN: Final = {"Accept-Encoding": "identity"}


class OutgoingError(Exception):
    """The address may not be fetched, or did not answer as it should; the message is a fixed sentence."""


class UnknownHostError(OutgoingError):
    """Nobody knows the host."""


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except (TimeoutError, httpx.TimeoutException) as error:
        raise OutgoingError("The address did not answer in time.") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OutgoingError("The address could not be reached.") from error


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

    async def pieces(self, url: str, largest: int, accept: str) -> AsyncIterator[bytes]:
        """The body of a 200 as it comes, however long it takes: each piece in time, all of them within `largest`. Raises OutgoingError."""
        target, host = await self._target(url)
        headers = {"Host": host, "Accept": accept}
        extensions = {"sni_hostname": urlsplit(url).hostname or ""}
        size = 0
        try:
            async with self.client.stream("GET", target, headers=headers, extensions=extensions) as answer:
                if answer.status_code != 200:
                    raise OutgoingError("The address did not answer with 200.")
                async for piece in answer.aiter_bytes():
                    size += len(piece)
                    if size > largest:
                        raise OutgoingError("The answer of the address is too large.")
                    yield piece
        except httpx.HTTPError as error:
            raise OutgoingError("The address could not be reached.") from error

    async def send(self, url: str, body: bytes, headers: Sequence[tuple[str, str]], seconds: float) -> int:
        """POST, and the status of the answer, whose body is not read. Raises OutgoingError."""
        async with _within(seconds):
            target, host = await self._target(url)
            extensions = {"sni_hostname": urlsplit(url).hostname or ""}
            made = [("Host", host), *headers]
            async with self.client.stream(
                "POST", target, content=body, headers=made, extensions=extensions, timeout=seconds
            ) as answer:
                return answer.status_code

    async def post(self, url: str, body: bytes, headers: Sequence[tuple[str, str]], largest: int) -> tuple[int, bytes]:
        """POST, and status and body of the answer. Raises OutgoingError."""
        async with _within(SECONDS):
            target, host = await self._target(url)
            extensions = {"sni_hostname": urlsplit(url).hostname or ""}
            made = [("Host", host), *headers]
            async with self.client.stream("POST", target, content=body, headers=made, extensions=extensions) as answer:
                return answer.status_code, await _body(answer, largest)

    async def check(self, url: str) -> None:
        """Whether it may be reached, as far as can be told now: a host that is not known today may be tomorrow. Raises OutgoingError."""
        with suppress(UnknownHostError):
            await self._target(url)

    async def _target(self, url: str) -> tuple[str, str]:
        """The address with the host's number in the place of its name, and the Host header."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port if parts.port is not None else _PORTS[parts.scheme]
        except (ValueError, KeyError) as error:
            raise OutgoingError("The address is not one of https.") from error
        if not host or parts.username is not None:
            raise OutgoingError("The address is not one of https.")
        found = await checked_host(parts.scheme, host, port, self.inner)
        number = f"[{found}]" if found.version == 6 else str(found)
        rest = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        return f"{parts.scheme}://{number}:{port}{rest}", parts.netloc


async def checked_host(scheme: str, host: str, port: int, inner: Sequence[Network]) -> Address:
    """The address to connect to, of a host that was looked up once. Raises OutgoingError."""
    found = await _looked_up(host, port)
    inside = all(any(address in network for network in inner) for address in found)
    if not inside and (scheme != "https" or not all(is_public(address) for address in found)):
        raise OutgoingError("The address is not a public one of https.")
    if not inside and port < _FREE_PORTS and port not in _PORTS.values():
        raise OutgoingError("The port of the address is another service's.")
    return found[0]


def is_public(address: Address) -> bool:
    """Whether it is an address of the whole world's, also when it stands for one of IPv4 (RFC 4291 2.5.5, 6052, 3056, 4380)."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _TRANSLATED:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    tunnelled = address.sixtofour is not None or address.teredo is not None
    return address in _UNICAST and not tunnelled and address.is_global


class GuardedTransport(httpx.AsyncBaseTransport):
    """The same guard for whoever has an httpx client: each connection, also after a redirect, goes to an address that was checked."""

    def __init__(self, inner: Sequence[Network], wire: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self._wire = wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises httpx.TransportError."""
        url = request.url
        try:
            if url.userinfo or url.scheme not in _PORTS:
                raise OutgoingError("The address is not one of https.")
            port = url.port if url.port is not None else _PORTS[url.scheme]
            found = await checked_host(url.scheme, url.host, port, self._inner)
        except OutgoingError as error:
            raise AddressRefusedError(str(error), request=request) from error
        extensions = {**request.extensions, "sni_hostname": url.host}
        sent = httpx.Request(
            request.method,
            url.copy_with(host=str(found)),
            headers=request.headers,
            stream=request.stream,
            extensions=extensions,
        )
        answer = await self._wire.handle_async_request(sent)
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            await answer.aclose()
            raise AddressRefusedError("The answer is compressed, which nobody asked for.", request=request)
        if not isinstance(answer.stream, httpx.AsyncByteStream):
            raise AddressRefusedError("The answer cannot be read.", request=request)
        bounded = _Bounded(answer.stream)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=bounded, extensions=answer.extensions)

    async def aclose(self) -> None:
        await self._wire.aclose()


class AddressRefusedError(httpx.TransportError):
    """The request was not made, or its answer not read."""


class _Bounded(httpx.AsyncByteStream):
    """An answer of at most LARGEST_ANSWER bytes."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > LARGEST_ANSWER:
                raise AddressRefusedError("The answer is too large.")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def outgoing_client() -> httpx.AsyncClient:
    """For `Outgoing`. A connection is used once: it was made to a number, and is proven to be of one name."""
    nobodys = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # what one address sets is not sent to another
    return httpx.AsyncClient(follow_redirects=False, trust_env=False, limits=_ONCE, headers=_PLAIN, cookies=nobodys)


def guarded_client(inner: Sequence[Network]) -> httpx.AsyncClient:
    """For code that speaks httpx itself."""
    transport = GuardedTransport(inner, httpx.AsyncHTTPTransport(trust_env=False, limits=_ONCE))
    return httpx.AsyncClient(follow_redirects=False, trust_env=False, transport=transport, headers=_PLAIN)


def networks(named: Sequence[str]) -> tuple[Network, ...]:
    """Of the setting."""
    return tuple(ipaddress.ip_network(network) for network in named)


async def _looked_up(host: str, port: int) -> list[Address]:
    """Raises OutgoingError."""
    try:
        found = await asyncio.wait_for(asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM), SECONDS)
        return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    except (OSError, TimeoutError, UnicodeError, ValueError) as error:
        raise UnknownHostError("The host of the address is not known.") from error


async def _body(answer: httpx.Response, largest: int) -> bytes:
    read = bytearray()
    async for piece in answer.aiter_bytes():
        read += piece
        if len(read) > largest:
            raise OutgoingError("The answer of the address is too large.")
    return bytes(read)
