"""Requests and their answers as they went over the wire, of the sample practice: recorded by docs/make_api_examples.py, held by a test."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

from profiles import json
from profiles.json import Json

_FILE = "examples.json"


@dataclass(frozen=True, slots=True)
class Example:
    """`path` follows the base. `body` None: none was sent. `answer` None: none came."""

    name: str
    title: str
    method: str
    path: str
    status: int
    body: Json
    answer: Json


@cache
def examples() -> tuple[Example, ...]:
    """In the order in which they are worth reading."""
    listed = json.loads((resources.files("server.openapi") / _FILE).read_bytes())
    return tuple(Example(**each) for each in listed)
