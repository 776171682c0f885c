"""Every parameter of every type that the practice holds, asked for with its own values, against a naive evaluation."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from in_process import BASE, House

from profiles import json
from profiles.search_parameters import SearchParameter, Value
from profiles.structure import resource_types
from profiles.text import instant_range, period_range
from server.search.registry import indexed_parameters

Pair = tuple[str, str]
VALUES_EACH = 4


def escape(text: str) -> str:
    return "".join(f"\\{c}" if c in ",|$\\" else c for c in text)


def plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


# -- what a value is found by: pairs of (query, does this value match it?) ---------------------------------------------------


def codings(value: Value) -> list[tuple[str | None, str]]:
    """(system, code) of a token's value; the system of a plain code is not known."""
    data = value.value
    if value.kind == "CodeableConcept":
        return [(c.get("system"), c["code"]) for c in data.get("coding", []) if "code" in c]
    if value.kind == "Coding":
        return [(data.get("system"), data["code"])] if "code" in data else []
    if value.kind == "Identifier":
        return [(data.get("system"), data["value"])] if "value" in data else []
    if value.kind == "ContactPoint":
        return [("?", data["value"])] if "value" in data else []
    return [("?", str(data).lower() if isinstance(data, bool) else str(data))]


def texts(value: Value) -> list[str]:
    data = value.value
    if isinstance(data, str):
        return [data]
    parts = ("text", "family", "given", "prefix", "suffix") if value.kind == "HumanName" else (
        "text", "line", "city", "district", "state", "postalCode", "country",
    )  # fmt: skip
    found = []
    for part in parts:
        content = data.get(part, [])
        found += content if isinstance(content, list) else [content]
    return found


def reference_of(value: Value) -> str:
    text: str = value.value if isinstance(value.value, str) else value.value.get("reference", "")
    return text


def address(reference: str) -> str:
    """Without our own base and without a version."""
    return reference.removeprefix(f"{BASE}/").partition("/_history/")[0]


def span(value: Value) -> tuple[float, float] | None:
    if isinstance(value.value, str):
        return instant_range(value.value)
    found = period_range(value.value)
    if found is None:
        return None
    low, high = found
    return (float("-inf") if low is None else low, float("inf") if high is None else high)


def has(parameter: SearchParameter, resource: dict[str, Any], name: str, asked: str) -> bool:
    """The naive evaluation of one query, for the queries that `queries` makes."""
    values = parameter.extract(resource)
    if parameter.type == "token":
        pairs = [pair for value in values for pair in codings(value)]
        system, bar, code = asked.partition("|") if "|" in asked else ("", "", asked)
        hit = any(c == code and (not bar or (s or "") == system) for s, c in pairs)
        return hit != name.endswith(":not")
    if parameter.type == "string":
        found = [text for value in values for text in texts(value)]
        if name.endswith(":exact"):
            return asked in found
        return any(p.startswith(plain(asked)) for text in found for p in (plain(text), *plain(text).split()))
    if parameter.type == "reference":
        wanted, literal = address(asked), [address(reference_of(value)) for value in values]
        if "/" in wanted or ":" in wanted:
            return wanted in literal
        return any(text.endswith(f"/{wanted}") and not text.startswith("http") for text in literal)
    if parameter.type == "date":
        asked_for = instant_range(asked[2:])
        assert asked_for is not None
        spans = [s for value in values if (s := span(value)) is not None]
        if asked.startswith("eq"):
            return any(asked_for[0] <= low and high <= asked_for[1] for low, high in spans)
        if asked.startswith("gt"):
            return any(high > asked_for[1] for _, high in spans)
        return any(low < asked_for[0] for low, _ in spans)
    return any(value.value == asked for value in values)


def queries(code: str, parameter: SearchParameter, value: Value) -> Iterator[Pair]:
    if parameter.type == "token":
        for system, token in codings(value):
            yield code, token
            yield f"{code}:not", token
            if system != "?":
                yield code, f"{system or ''}|{token}"
    elif parameter.type == "string":
        for text in texts(value)[:2]:
            yield f"{code}:exact", text
            for length in (1, 2, 3, 4, 5, 6, 7, 10):
                if plain(text[:length]):
                    yield code, text[:length].upper()
    elif parameter.type == "reference":
        text = address(reference_of(value))
        if text and "|" not in text and not text.startswith("#"):
            yield code, reference_of(value)
            yield code, text
            if not text.startswith(("http", "urn:")):
                yield code, f"{BASE}/{text}"
                yield code, text.rpartition("/")[2]
    elif parameter.type == "date":
        data = value.value.get("start") if isinstance(value.value, dict) else value.value
        if isinstance(data, str):
            for text in (data[:10], data[:7], data[:4]):
                yield from [(code, f"eq{text}"), (code, f"gt{text}"), (code, f"lt{text}")]
    elif parameter.type == "uri":
        yield code, value.value


async def everything(house: House, type_: str) -> list[dict[str, Any]]:
    async with house.client() as client:
        answer = await client.get(f"/{type_}", params={"_count": "1000"})
    return [entry["resource"] for entry in json.loads(answer.content).get("entry", [])]


@pytest.mark.slow
async def test_every_parameter_finds_what_a_naive_evaluation_finds(practice: House) -> None:
    asked = kinds = 0
    async with practice.client() as client:
        for type_ in sorted(resource_types() - {"AuditEvent"}):
            resources = await everything(practice, type_)
            for code, parameter in indexed_parameters(type_).items() if resources else ():
                values = {repr(value): value for resource in resources for value in parameter.extract(resource)}
                pairs = {pair for value in list(values.values())[:VALUES_EACH] for pair in queries(code, parameter, value)}
                kinds += bool(pairs)
                for name, text in sorted(pairs):
                    wanted = sorted(r["id"] for r in resources if has(parameter, r, name, text))
                    sent = text if parameter.type == "date" else escape_but_first_bar(parameter, text)
                    answer = await client.get(f"/{type_}", params={name: sent, "_count": "1000", "_total": "accurate"})
                    assert answer.status_code == 200, (type_, name, text, answer.text)
                    bundle = answer.json()
                    found = sorted(entry["resource"]["id"] for entry in bundle.get("entry", []))
                    assert found == wanted, (type_, name, text)
                    assert bundle["total"] == len(wanted), (type_, name, text)
                    asked += 1
    assert asked > 1500
    assert kinds > 100


def escape_but_first_bar(parameter: SearchParameter, text: str) -> str:
    if parameter.type != "token" or "|" not in text:
        return escape(text)
    system, _, code = text.partition("|")
    return f"{escape(system)}|{escape(code)}"
