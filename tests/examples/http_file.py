"""A reader of `.http` files: the requests in examples/, as editors with a REST client run them, and what they expect.

Requests are separated by lines that begin with `###`. Above a request line stand `@name = value` variables (for the whole
file) and comments; three kinds of comment mean something here:

    # @name submit                              names the request, so that later ones can use its answer
    # expect 200                                the status that the answer must have
    # expect /entry/0/resource/outcome = done   a JSON pointer into the answer and its value (`*` is any element)
    # expect header ETag ~ W/                   a header of the answer; `~` asks for a part instead of the whole

`{{name}}` is replaced by a variable, `{{submit.response.body.$.entry[0].resource.id}}` and
`{{submit.response.headers.Location}}` by a part of an earlier answer. A body line `< ./file` is the content of that file as
it is, and `<@ ./file` that content with variables replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_VARIABLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_REQUEST_LINE = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE)\s+(\S+)(?:\s+HTTP/[0-9.]+)?")
_DEFINITION = re.compile(r"@([A-Za-z][\w-]*)\s*=\s*(.*)")
_EXPECTATION = re.compile(r"(header\s+\S+|/\S*)\s+([=~])\s+(.+)")
_ANSWER = re.compile(r"([\w-]+)\.response\.(?:headers\.([\w-]+)|body\.\$((?:\.\w+|\[\d+\])*))")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Expectation:
    """`target` is a JSON pointer, or the name of a header where `header` is true."""

    target: str
    header: bool
    part: bool
    value: str


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as written, its variables not yet replaced. `line` is where its request line stands in the file."""

    title: str
    name: str | None
    line: int
    method: str
    url: str
    headers: Mapping[str, str]
    body: str | None
    status: int | None
    expectations: tuple[Expectation, ...]


@dataclass(slots=True)
class _Draft:
    title: str
    name: str | None = None
    status: int | None = None
    expectations: list[Expectation] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: header names in lower case, the body as text."""

    status: int
    headers: Mapping[str, str]
    text: str


def read_http_file(text: str) -> tuple[dict[str, str], list[HttpRequest]]:
    """The file's variables and its requests in order. Raises ValueError, with the line, for what cannot be read."""
    variables: dict[str, str] = {}
    requests: list[HttpRequest] = []
    for first, title, lines in _sections(text):
        draft = _Draft(title)
        for offset, line in enumerate(lines):
            stripped = line.strip()
            if definition := _DEFINITION.fullmatch(stripped):
                variables[definition[1]] = definition[2]
            elif stripped.startswith(("#", "//")):
                _read_comment(draft, stripped.lstrip("#/ "), first + offset)
            elif stripped:
                requests.append(_read_request(draft, lines[offset:], first + offset))
                break
    return variables, requests


def _sections(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """(number of the first line, title, lines) of each part between `###` lines."""
    first, title = 1, ""
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("###"):
            yield first, title, lines
            first, title, lines = number + 1, line.strip("# "), []
        else:
            lines.append(line)
    yield first, title, lines


def _read_comment(draft: _Draft, comment: str, line: int) -> None:
    word, _, rest = comment.partition(" ")
    if word == "@name":
        draft.name = rest.strip()
    elif word == "expect" and rest.strip().isdigit():
        draft.status = int(rest)
    elif word == "expect":
        match = _EXPECTATION.fullmatch(rest.strip())
        if match is None:
            raise ValueError(f"line {line}: an expectation that cannot be read: {rest}")
        target = match[1].removeprefix("header").strip()
        draft.expectations.append(Expectation(target, match[1].startswith("header"), match[2] == "~", match[3]))


def _read_request(draft: _Draft, lines: list[str], line: int) -> HttpRequest:
    match = _REQUEST_LINE.fullmatch(lines[0].strip())
    if match is None:
        raise ValueError(f"line {line}: not a request line: {lines[0]}")
    url = match[2]
    headers: dict[str, str] = {}
    rest = iter(lines[1:])
    for header in rest:
        stripped = header.strip()
        if not stripped:
            break
        if stripped.startswith(("?", "&")) and not headers:
            url += stripped
            continue
        name, colon, value = stripped.partition(":")
        if not colon:
            raise ValueError(f"line {line}: not a header: {stripped}")
        headers[name.strip()] = value.strip()
    body = "\n".join(rest).strip()
    return HttpRequest(
        draft.title, draft.name, line, match[1], url, headers, body or None, draft.status, tuple(draft.expectations)
    )


def body_of(request: HttpRequest, folder: Path, replace: Callable[[str], str]) -> str | None:
    """The body to send: as written, or the content of the file that it names, relative to `folder`."""
    if request.body is None:
        return None
    if request.body.startswith("<@"):
        return replace((folder / request.body[2:].strip()).read_text("utf-8"))
    if request.body.startswith("<"):
        return (folder / request.body[1:].strip()).read_text("utf-8")
    return replace(request.body)


def replace_variables(text: str, variables: Mapping[str, str], answers: Mapping[str, Answer]) -> str:
    """`text` with every `{{...}}` replaced. Raises KeyError for one that nothing stands behind."""

    def value(match: re.Match[str]) -> str:
        if reference := _ANSWER.fullmatch(match[1]):
            return _part_of(answers[reference[1]], reference[2], reference[3] or "")
        return replace_variables(variables[match[1]], variables, answers)

    return _VARIABLE.sub(value, text)


def _part_of(answer: Answer, header: str | None, path: str) -> str:
    if header is not None:
        return answer.headers[header.lower()]
    value: Any = json.loads(answer.text)
    for name, index in _STEP.findall(path):
        value = value[name] if name else value[int(index)]
    return value if isinstance(value, str) else json.dumps(value)


def unmet(request: HttpRequest, answer: Answer) -> list[str]:
    """What the answer does not hold of what the request expects, one sentence each."""
    faults = []
    if request.status is not None and answer.status != request.status:
        faults.append(f"status {answer.status} instead of {request.status}")
    for expectation in request.expectations:
        found = _found(expectation, answer)
        if not any(expectation.value in one if expectation.part else one == expectation.value for one in found):
            faults.append(f"{expectation.target} is {found} instead of {expectation.value!r}")
    return faults


def _found(expectation: Expectation, answer: Answer) -> list[str]:
    if expectation.header:
        value = answer.headers.get(expectation.target.lower())
        return [] if value is None else [value]
    try:
        content = json.loads(answer.text, parse_float=str)  # digits as they came
    except ValueError:
        return []
    values = _at(content, [step for step in expectation.target.split("/")[1:] if step])
    return [value if isinstance(value, str) else json.dumps(value) for value in values]


def _at(value: Any, steps: list[str]) -> list[Any]:
    if not steps:
        return [value]
    step, rest = steps[0], steps[1:]
    if isinstance(value, list):
        chosen = value if step == "*" else value[int(step) : int(step) + 1] if step.isdigit() else []
    else:
        chosen = [value[step]] if isinstance(value, dict) and step in value else []
    return [found for one in chosen for found in _at(one, rest)]
