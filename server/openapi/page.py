"""`/docs`: the OpenAPI document as one page for people. Made on the server, without scripts, with a style sheet of its own."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from jinja2 import Environment, StrictUndefined, Template

from profiles import json
from profiles.json import Json, Resource
from server.pages.page import security_headers
from server.rest.response import Response

STYLE: Final = "/docs/style.css"
_FOLDER: Final = "server.openapi"
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_LONGEST: Final = 6000
"""Characters of an example that are shown: the document has all of it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One call, as the page shows it."""

    anchor: str
    method: str
    path: str
    summary: str
    text: str
    parameters: list[tuple[str, str, str]]
    bodies: list[tuple[str, str]]
    answers: list[tuple[str, str, list[tuple[str, str]]]]
    curl: str


def docs_page(document: Resource) -> Response:
    """The page of a base."""
    (server,) = document["servers"]
    groups: dict[str, list[Shown]] = {}
    for path, item in document["paths"].items():
        for shown in _calls(path, item, server["url"], document["components"]["responses"]):
            groups.setdefault("FHIR" if "$" not in path else f"${path.rpartition('$')[2]}", []).append(shown)
    body = _template().render(style=STYLE, info=document["info"], base=server["url"], groups=groups).encode()
    return Response(200, body, dict(security_headers()), "text/html; charset=utf-8")


async def docs_style() -> Response:
    return Response(200, _read("docs.css"), {}, "text/css; charset=utf-8")


def _calls(path: str, item: Resource, base: str, shared: Resource) -> Iterator[Shown]:
    for method in _METHODS:
        call = item.get(method)
        if call is None:
            continue
        content = call.get("requestBody", {}).get("content", {})
        answers = {status: _resolved(answer, shared) for status, answer in call["responses"].items()}
        yield Shown(
            call["operationId"],
            method.upper(),
            path,
            call["summary"],
            call["description"],
            [*map(_row, item.get("parameters", [])), *map(_row, call.get("parameters", []))],
            [example for kind in content.values() for example in _examples(kind)],
            [(status, each["description"], _of_answer(each)) for status, each in answers.items()],
            _curl(method.upper(), base, path, content),
        )


def _row(parameter: Resource) -> tuple[str, str, str]:
    """(name, where it stands, what it means)."""
    needed = "Needed. " if parameter.get("required") else ""
    return parameter["name"], parameter["in"], f"{needed}{parameter.get('description', '')}"


def _resolved(answer: Resource, shared: Resource) -> Resource:
    found: Resource = shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
    return found


def _of_answer(answer: Resource) -> list[tuple[str, str]]:
    return [example for kind in answer.get("content", {}).values() for example in _examples(kind)]


def _examples(content: Resource) -> list[tuple[str, str]]:
    """(title, the value as indented JSON)."""
    return [(each["summary"], _pretty(each["value"])) for each in content.get("examples", {}).values()]


def _pretty(value: Json) -> str:
    text = json.pretty(json.dumps(value)).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n... ({len(text)} characters in all)"


def _curl(method: str, base: str, path: str, content: Resource) -> str:
    """A line to begin with: what stands in braces is the reader's."""
    parts = ["curl", "-X", method, "-H", "Authorization: Bearer $TOKEN"]
    if content:
        kind = next(iter(content))
        parts += ["-H", f"Content-Type: {kind}", "--data-binary", "@body.json" if "json" in kind else "name=value"]
    line = " ".join(shlex.quote(part) if "$TOKEN" not in part else f'"{part}"' for part in parts)
    return f"{line} {shlex.quote(base + path)}"


@cache
def _template() -> Template:
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made.from_string(_read("docs.html").decode())


@cache
def _read(name: str) -> bytes:
    return (resources.files(_FOLDER) / name).read_bytes()
