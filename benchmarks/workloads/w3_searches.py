"""W3: thirty searches of the made-up population in turn, with values drawn at random, `_count=20`.

HealthSamurai's search.js by category (string, date, token, quantity), and what it leaves out: chains, _has, _include, composites,
_sort, two and three parameters at once, text.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from benchmarks.population import _CITIES, _FAMILIES, _GIVEN, _LABS, LOINC, OWN
from benchmarks.workloads.caller import Caller, Record

Draw = Callable[[random.Random, dict[str, Any]], str]
PREFIXES: Final = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")


def _day(source: random.Random) -> str:
    return f"{source.randrange(1996, 2026)}-{source.randrange(1, 13):02}-{source.randrange(1, 29):02}"


def _family(source: random.Random) -> str:
    return f"{source.choice(_FAMILIES)}{source.randrange(400)}"


def _prefixed(source: random.Random) -> str:
    return f"{source.choice(PREFIXES)}{_day(source)}"


def _code(source: random.Random) -> str:
    return f"{LOINC}|{source.choice(_LABS)[0]}"


def _patient(source: random.Random, known: dict[str, Any]) -> str:
    return f"Patient/{source.choice(known['patients'])}"


SEARCHES: Final[tuple[tuple[str, Draw], ...]] = (
    ("identifier", lambda s, k: f"Patient?identifier={OWN}medical-record|MR-{s.randrange(len(k['patients'])):09}"),
    ("string", lambda s, k: f"Patient?name={_family(s)}"),
    ("string", lambda s, k: f"Patient?name={s.choice(_GIVEN)}"),
    ("string", lambda s, k: f"Patient?address={quote(s.choice(_CITIES))}"),
    ("string", lambda s, k: f"Organization?name={quote(s.choice(_CITIES))}"),
    ("string :contains", lambda s, k: "Organization?name:contains=General"),
    ("date", lambda s, k: f"Patient?birthdate={s.choice(PREFIXES)}{s.randrange(1930, 2020)}-06-15"),
    ("date", lambda s, k: f"Observation?date={_prefixed(s)}"),
    ("date", lambda s, k: f"Encounter?date={_prefixed(s)}"),
    ("token", lambda s, k: f"Observation?code={_code(s)}"),
    ("token", lambda s, k: "Observation?status=final"),
    ("token", lambda s, k: f"Encounter?class={s.choice(('AMB', 'IMP'))}"),
    ("token", lambda s, k: f"Condition?code=fi-{s.randrange(200):04}"),
    ("quantity", lambda s, k: f"Observation?value-quantity=gt{s.randrange(60, 200)}"),
    ("quantity", lambda s, k: f"Observation?value-quantity={s.randrange(60, 200)}||mg/dL"),
    ("2 parameters", lambda s, k: f"Observation?patient={_patient(s, k)}&code={_code(s)}"),
    ("2 parameters", lambda s, k: f"Observation?code={_code(s)}&date=gt{_day(s)}"),
    ("2 parameters", lambda s, k: f"Patient?gender=female&birthdate=lt{s.randrange(1940, 2020)}-01-01"),
    (
        "3 parameters",
        lambda s, k: f"Observation?patient={_patient(s, k)}&code={_code(s)}&value-quantity=gt{s.randrange(100)}",
    ),
    ("3 parameters", lambda s, k: f"Observation?code={_code(s)}&date=gt{_day(s)}&status=final"),
    ("3 parameters", lambda s, k: f"Claim?patient={_patient(s, k)}&status=active&created=ge{_day(s)}"),
    ("composite", lambda s, k: f"Observation?code-value-quantity={_code(s)}$gt{s.randrange(60, 200)}"),
    ("composite", lambda s, k: f"Observation?component-code-value-quantity={LOINC}|8480-6$gt{s.randrange(95, 160)}"),
    ("chain", lambda s, k: f"Observation?patient.family={_family(s)}"),
    ("chain", lambda s, k: f"Encounter?patient.identifier={OWN}medical-record|MR-{s.randrange(len(k['patients'])):09}"),
    ("_has", lambda s, k: f"Patient?_has:Condition:patient:code=fi-{s.randrange(150):04}"),
    ("_include", lambda s, k: f"Encounter?date=gt{_day(s)}&_include=Encounter:patient"),
    ("_include", lambda s, k: f"Patient?_id={s.choice(k['patients'])}&_revinclude=Encounter:patient"),
    ("_sort", lambda s, k: f"Observation?patient={_patient(s, k)}&_sort=-date"),
    ("text", lambda s, k: f"Condition?code:text=finding&patient={_patient(s, k)}"),
)
ONE_TO_THREE: Final = (
    "identifier",
    "string",
    "string :contains",
    "date",
    "token",
    "quantity",
    "2 parameters",
    "3 parameters",
)
"""The categories that the aim is for: one to three parameters, nothing else."""


async def scenario(caller: Caller, record: Record, number: int, given: dict[str, Any]) -> None:
    source = random.Random(number)
    turn = number * 7
    while not record.over:
        turn += 1
        label, draw = SEARCHES[turn % len(SEARCHES)]
        await caller.ask(label, "GET", f"{draw(source, given)}&_count=20")
