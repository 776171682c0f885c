"""Whom a request comes from: one header, from named proxies, read from its end; whatever else is written there counts for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process import House, running_house

from server.audit.batches import audit_binding
from server.audit.record import decode_batch
from server.proxies import Header, Proxies

OURS = ["10.0.0.0/8", "2001:db8:1::/48"]


async def caller(peer: str, header: Header, *values: str, named: str = "") -> str:
    """The address that the application is told."""
    told: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        told.append(scope["client"][0])

    sent = [((named or header).encode(), value.encode("latin-1")) for value in values]
    scope = {"type": "http", "client": (peer, 1234), "headers": sent}
    await Proxies(application, OURS, header)(scope, None, None)  # type: ignore[arg-type]
    return told[0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["198.51.100.1, 203.0.113.7"], "203.0.113.7"),  # the first is what the caller claims to be
        (["198.51.100.1", "203.0.113.7"], "203.0.113.7"),  # the same in two headers
        (["203.0.113.7, 10.0.0.3"], "203.0.113.7"),  # two proxies of ours
        (["203.0.113.7:5555"], "203.0.113.7"),
        (["[2001:db8:2::1]:443"], "2001:db8:2::1"),
        (["2001:DB8:2::1"], "2001:db8:2::1"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        (["10.0.0.9"], "10.0.0.9"),  # nobody but us: the one who is farthest away
        ([], "10.0.0.2"),
        ([""], "10.0.0.2"),
        (["unknown"], "10.0.0.2"),
        (["<script>"], "10.0.0.2"),
        (["203.0.113.7, <script>"], "10.0.0.2"),
        (["203.0.113.7, "], "10.0.0.2"),
        (["fe80::1%eth0"], "10.0.0.2"),
        (["x" * 5000], "10.0.0.2"),
    ],
    ids=str,
)
async def test_x_forwarded_for_of_a_proxy(values: list[str], expected: str) -> None:
    assert await caller("10.0.0.2", "x-forwarded-for", *values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["for=203.0.113.7"], "203.0.113.7"),
        (['For="[2001:db8:2::1]:4711"'], "2001:db8:2::1"),
        (["for=203.0.113.7;proto=http;by=10.0.0.2"], "203.0.113.7"),
        (["proto=https;for=203.0.113.7"], "203.0.113.7"),
        (["for=198.51.100.1, for=203.0.113.7"], "203.0.113.7"),
        (['for=198.51.100.1;by="a,for=203.0.113.9"'], "198.51.100.1"),  # a comma in quotes parts nothing
        (["for=198.51.100.1, proto=https"], "10.0.0.2"),  # the last proxy does not say for whom
        (["for=_hidden"], "10.0.0.2"),
        (["for=unknown"], "10.0.0.2"),
        (['for="203.0.113.7'], "10.0.0.2"),
        (["203.0.113.7"], "10.0.0.2"),
    ],
    ids=str,
)
async def test_forwarded_of_a_proxy(values: list[str], expected: str) -> None:
    assert await caller("10.0.0.2", "forwarded", *values) == expected


async def test_nobody_else_is_believed() -> None:
    for peer in ("203.0.113.99", "11.0.0.1", "::1", "2001:db8:2::1", "not an address"):
        assert await caller(peer, "x-forwarded-for", "10.0.0.1") == peer
        assert await caller(peer, "forwarded", "for=10.0.0.1") == peer


async def test_the_other_header_is_what_a_caller_wrote_and_is_not_read() -> None:
    assert await caller("10.0.0.2", "x-forwarded-for", "for=203.0.113.7", named="forwarded") == "10.0.0.2"
    assert await caller("10.0.0.2", "forwarded", "203.0.113.7", named="x-forwarded-for") == "10.0.0.2"
    assert await caller("10.0.0.2", "x-forwarded-for", "203.0.113.7", named="x-real-ip") == "10.0.0.2"


@given(st.text(st.characters(max_codepoint=255), max_size=200), st.sampled_from(["x-forwarded-for", "forwarded"]))
async def test_no_text_fails_or_comes_through(text: str, header: Header) -> None:
    told = await caller("10.0.0.2", header, text)
    assert set(told) <= set("0123456789abcdef.:")


async def addresses(house: House) -> list[str]:
    tenant = house.services.keyring.by_number(1)
    batches = await house.services.store.audit_batches(0, 1000)
    opened = [decode_batch(tenant.cipher.open(one.body, audit_binding(1, one.seq))) for one in batches if one.tenant == 1]
    return [record.address for records in opened for record in records]


async def test_the_audit_trail_and_the_limits_have_the_caller_s_address_and_the_base_stays(tmp_path: Path) -> None:
    """The in-process client connects from 127.0.0.1."""
    settings = {"ASSENT_TRUSTED_PROXIES": "127.0.0.0/8", "ASSENT_RATE_LIMITS": "open=2/3600"}
    async with (
        running_house(tmp_path / "data", **settings) as house,
        house.client() as client,
        house.client(None) as nobody,
    ):
        spoofed = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Host": "evil.example"}
        made = await client.post(
            "/Patient", json={"resourceType": "Patient"}, headers={**spoofed, "X-Forwarded-For": "1.2.3.4, 203.0.113.7"}
        )
        assert made.headers["location"].startswith(house.base)
        assert "203.0.113.7" in await addresses(house)
        assert "1.2.3.4" not in await addresses(house)
        statuses = [
            (await nobody.get("/metadata", headers={"X-Forwarded-For": f"6.6.6.{number}, {address}"})).status_code
            for address in ("203.0.113.7", "203.0.113.8")
            for number in range(3)
        ]
        assert statuses == [200, 200, 429] * 2
    async with running_house(tmp_path / "other", ASSENT_RATE_LIMITS="open=2/3600") as house, house.client(None) as nobody:
        statuses = [
            (await nobody.get("/metadata", headers={"X-Forwarded-For": f"6.6.6.{number}"})).status_code
            for number in range(3)
        ]
        assert statuses == [200, 200, 429], "a header of a caller's own changes nothing"
