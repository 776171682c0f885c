"""No address that somebody else chose leads into the house: by number, by name, by a second look-up, by a redirect, by a port."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from server.outgoing import AddressRefusedError, GuardedTransport, Outgoing, guarded_client, is_public, networks

PUBLIC = "93.184.216.34"


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "192.0.0.1", "192.168.0.1",
        "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001:db8::1", "2001::7f00:1", "2002:7f00:1::1", "2002:5db8:d822::1",
        "fc00::1", "fd12::1", "fe80::1", "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_what_is_not_the_world_s_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1::1", f"::ffff:{PUBLIC}", "64:ff9b::5db8:d822"])
def test_what_is_the_world_s_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


class Wire(httpx.AsyncBaseTransport):
    """Answers in the place of the network; remembers whom it was asked to connect to."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response] = lambda request: httpx.Response(200)) -> None:
        self.asked: list[httpx.Request] = []
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self._answer(request)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Answers of the name service, one after the other; the last one stays."""
    known: dict[str, list[str]] = {}

    async def getaddrinfo(self: Any, host: str, port: int, **_: Any) -> list[Any]:
        try:
            number = str(ipaddress.ip_address(host))
        except ValueError:
            said = known[host]
            number = said.pop(0) if len(said) > 1 else said[0]
        return [(0, 0, 0, "", (each, port)) for each in number.split()]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return known


async def test_a_name_that_says_something_else_the_second_time(names: dict[str, list[str]]) -> None:
    names["moving.example"] = [PUBLIC, "127.0.0.1"]
    wire = Wire()
    async with httpx.AsyncClient(transport=GuardedTransport((), wire)) as client:
        assert (await client.get("https://moving.example/x?y=z")).status_code == 200
        (asked,) = wire.asked
        assert asked.url == f"https://{PUBLIC}/x?y=z"
        assert asked.headers["host"] == "moving.example"
        assert asked.extensions["sni_hostname"] == "moving.example"
        with pytest.raises(AddressRefusedError):
            await client.get("https://moving.example/")
    assert len(wire.asked) == 1


async def test_one_inner_address_among_public_ones_is_enough(names: dict[str, list[str]]) -> None:
    names["both.example"] = [f"{PUBLIC} 10.0.0.1"]
    wire = Wire()
    async with httpx.AsyncClient(transport=GuardedTransport((), wire)) as client:
        with pytest.raises(AddressRefusedError):
            await client.get("https://both.example/")
    assert wire.asked == []


async def test_a_redirect_is_looked_at_like_any_address(names: dict[str, list[str]]) -> None:
    names["good.example"] = [PUBLIC]
    wire = Wire(lambda request: httpx.Response(307, headers={"Location": "https://169.254.169.254/latest/meta-data"}))
    async with httpx.AsyncClient(transport=GuardedTransport((), wire), follow_redirects=True) as client:
        with pytest.raises(AddressRefusedError):
            await client.post("https://good.example/", content=b"{}")
    assert [request.url.host for request in wire.asked] == [PUBLIC]


@pytest.mark.parametrize(
    "url",
    [
        "http://public.example/", "https://user@public.example/", "https://user:word@public.example/", "https://public.example:22/",
        "https://public.example:25/", "https://public.example:0/", "ftp://public.example/", "https://0177.0.0.1/", "https://2130706433/",
        "https://0x7f000001/", "https://127.1/", "https://[::ffff:7f00:1]/", "https://[64:ff9b::7f00:1]/", "https://localhost/",
    ],
)  # fmt: skip
async def test_addresses_that_are_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers and localhost are read by the system itself, in whatever way they are written."""
    system = asyncio.base_events.BaseEventLoop.getaddrinfo

    async def getaddrinfo(self: Any, host: str, port: int, **given: Any) -> Any:
        if host == "public.example":
            return [(0, 0, 0, "", (PUBLIC, port))]
        return await system(self, host, port, **given)

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    wire = Wire()
    async with httpx.AsyncClient(transport=GuardedTransport((), wire)) as client:
        with pytest.raises((httpx.HTTPError, httpx.InvalidURL)):
            await client.get(url)
        with pytest.raises(Exception, match=r"address|port"):
            await Outgoing(client).fetch(url, 1000)
    assert wire.asked == []


async def test_networks_of_the_house_are_reached_where_they_are_named(names: dict[str, list[str]]) -> None:
    names["payer.inner"] = ["10.1.2.3"]
    wire = Wire()
    async with httpx.AsyncClient(transport=GuardedTransport(networks(["10.1.0.0/16"]), wire)) as client:
        assert (await client.get("http://payer.inner:900/")).status_code == 200
        with pytest.raises(AddressRefusedError):
            await client.get("http://10.2.0.1/")


async def test_answers_are_bounded_and_read_as_they_are(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.outgoing.LARGEST_ANSWER", 1000)
    names["large.example"] = [PUBLIC]
    answers = [
        httpx.Response(200, content=b"x" * 1001),
        httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=b""),
    ]
    async with httpx.AsyncClient(transport=GuardedTransport((), Wire(lambda request: answers.pop(0)))) as client:
        for _ in range(2):
            with pytest.raises(AddressRefusedError):
                await client.get("https://large.example/")


async def test_a_proxy_of_the_environment_is_no_way_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with guarded_client(()) as client:
        with pytest.raises(AddressRefusedError):
            await client.get("https://127.0.0.1/")
