"""What the oracle of searches (test_search_oracle.py) has found, each by itself."""

from __future__ import annotations

import httpx
import pytest
from search_house import matches
from test_search_bundle import ids, store

from profiles.json import loads

ACTS = "http://example.org/acts"


@pytest.mark.parametrize("year", ["0001", "1582", "2026", "2300", "9998"])
def test_a_day_begins_after_the_day_before_however_far_away(year: str) -> None:
    """Microseconds beyond the years 1684 to 2255 are not exact as floats: the end of a day must not become the beginning of the next."""
    first, second = (
        {"resourceType": "Observation", "effectiveDateTime": f"{year}-01-{day}"} for day in ("01", "02")
    )  # fmt: skip
    assert matches(second, ("date", f"sa{year}-01-01"))
    assert matches(first, ("date", f"eb{year}-01-02"))
    assert not matches(first, ("date", f"gt{year}-01-01"))
    assert not matches(second, ("date", f"lt{year}-01-02"))
    assert matches(first, ("date", f"eq{year}-01-01"))
    assert matches(first, ("date", f"lt{year}-01-02"))
    assert not matches(second, ("date", f"sa{year}-01-02"))


async def test_zero_is_sorted_alike_with_any_sign(client: httpx.AsyncClient) -> None:
    signs = ("0", "-0.0", "0.0", "-0.0")
    risks = [
        {"resourceType": "RiskAssessment", "id": f"r{n}", "status": "final", "subject": {"reference": "Patient/1"},
         "prediction": [{"probabilityDecimal": float(loads(sign))}]}
        for n, sign in enumerate(signs)
    ]  # fmt: skip
    await store(client, *risks)
    for key in ("probability", "-probability"):
        assert ids((await client.get(f"/RiskAssessment?_sort={key}")).json()) == ["r0", "r1", "r2", "r3"]


async def test_a_code_of_another_system_is_not_in_the_value_set(client: httpx.AsyncClient) -> None:
    """Where a parameter looks at codes and at what has no system, as `value` of a Group does; and for identifiers."""
    values = {"resourceType": "ValueSet", "id": "vs", "status": "active", "url": "http://example.org/vs", "compose": {"include": [{"system": ACTS, "concept": [{"code": "a"}]}]}}  # fmt: skip
    await store(client, values)
    for number, system in enumerate((ACTS, "http://example.org/other")):
        trait = {
            "code": {"text": "x"},
            "valueCodeableConcept": {"coding": [{"system": system, "code": "a"}]},
            "exclude": False,
        }
        group = {"resourceType": "Group", "id": f"g{number}", "type": "person", "actual": False, "characteristic": [trait]}
        person = {"resourceType": "Patient", "id": f"p{number}", "identifier": [{"system": system, "value": "a"}]}
        await store(client, group, person)
    assert ids((await client.get("/Group?value:in=vs")).json()) == ["g0"]
    assert ids((await client.get("/Group?value:not-in=vs")).json()) == ["g1"]
    assert ids((await client.get("/Patient?identifier:in=vs")).json()) == ["p0"]
