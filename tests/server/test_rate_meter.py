"""The meter against a plain count of what it let in, and the setting that changes its policies."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rates.meter import Meter
from server.rates.policies import DEFAULTS, Policy, parse_policies, policy_table
from server.rates.rates import RateLimitedError, Rates, network_of


def meter(quota: int, window: int, most: int = 20_000) -> Meter:
    return Meter(Policy("x", quota, window, ""), most)


@given(st.integers(1, 50), st.integers(1, 100), st.lists(st.floats(0, 20), min_size=1, max_size=300))
def test_in_any_stretch_of_time_no_more_is_let_in_than_the_quota_and_what_grew_back(
    quota: int, window: int, pauses: list[float]
) -> None:
    one, now, let_in = meter(quota, window), 1.0, []
    for pause in pauses:
        now += pause
        if one.take("a", now) >= 0:
            let_in.append(now)
    for first, begin in enumerate(let_in):
        for last in range(first, len(let_in)):
            assert last - first + 1 <= quota + (let_in[last] - begin) * quota / window + 1e-3


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_the_whole_quota_is_let_in_at_once_and_not_one_more_and_as_much_later(quota: int, window: int) -> None:
    one = meter(quota, window)
    ahead = [one.take("a", 5.0) for _ in range(quota)]
    assert min(ahead) >= 0
    assert f'"x";r={quota - 1};' in one.stated(ahead[0])
    assert '"x";r=0;' in one.stated(ahead[-1])
    behind = one.take("a", 5.0)
    assert behind < 0
    assert one.take("a", 5.0 - behind + 1e-3) >= 0, "when it said so"
    assert one.take("b", 5.0) >= 0, "others are not concerned"


def test_what_is_remembered_is_bounded_and_the_busy_are_not_forgotten() -> None:
    one = meter(2, 3600, most=100)
    one.take("busy", 1.0)
    for number in range(10_000):
        one.take(number, 1.0)
        one.take("busy", 1.0)
        assert len(one) <= 101
    assert one.take("busy", 1.0) < 0


def test_what_was_done_already_is_owed_but_no_longer_than_a_window() -> None:
    one = meter(10, 60)
    one.charge("a", 1.0, 1_000_000)
    assert one.take("a", 1.0) == pytest.approx(-66, abs=0.1)
    assert one.take("a", 68.0) >= 0


def test_a_caller_is_counted_by_account_and_by_client() -> None:
    now = [1.0]
    rates = Rates(parse_policies("reads=3/60,client=5/60"), clock=lambda: now[0])
    told = rates.caller("t", "ann", "app", stores=False)
    assert told == {"RateLimit": '"reads";r=2;t=21', "RateLimit-Policy": '"reads";q=3;w=60, "client";q=5;w=60'}
    for _ in range(2):
        rates.caller("t", "ann", "app", stores=False)
    with pytest.raises(RateLimitedError) as own:
        rates.caller("t", "ann", "app", stores=False)
    assert own.value.headers["RateLimit"] == '"reads";r=0;t=20'
    assert own.value.headers["Retry-After"] == "20"
    rates.caller("t", "ann", "app", stores=True)
    rates.caller("t", "bob", "app", stores=False)  # what was refused to one is not counted for all
    with pytest.raises(RateLimitedError) as shared:
        rates.caller("t", "bob", "app", stores=False)
    assert shared.value.headers["RateLimit"].startswith('"client";')
    rates.caller("t", "bob", "other", stores=False)
    rates.caller("elsewhere", "ann", "app", stores=False)
    now[0] += 20.1
    rates.caller("t", "ann", "other", stores=False)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::"),
        ("2001:db8:0:0:ffff:ffff:ffff:ffff", "2001:db8::"),
        ("2001:db8:0:1::1", "2001:db8:0:1::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("no:address", "no:address"),
    ],
)
def test_an_address_of_ipv6_is_counted_by_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_the_setting() -> None:
    assert parse_policies("off") == {}
    assert list(parse_policies("on").values()) == list(DEFAULTS)
    own = parse_policies("reads=6000/60, Registration=off")
    assert (own["reads"].quota, own["reads"].window) == (6000, 60)
    assert "registration" not in own
    assert own["writes"] in DEFAULTS
    for wrong in ("", "reads", "reads=0/60", "reads=5", "reads=5/0", "nothing=5/60", "reads=-1/60", "on,reads=5/60"):
        with pytest.raises(ValueError, match="say on, off, or limits"):
            parse_policies(wrong)


def test_the_table_of_the_docs_is_the_table() -> None:
    assert policy_table() in (Path(__file__).parents[2] / "docs/security.md").read_text("utf-8")
