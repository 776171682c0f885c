"""Compares an answer with a template of HL7's terminology tests: typed placeholders, optional parts, own words.

`$$` is anything, `$uuid$` and its like a type, `$choice:a|b$` one of several, `$fragments:a|b$` text that holds each,
`$external:n:part$` text of one's own that holds the part. `$optional$` marks an element that may be missing,
`$optional-properties$` names members that may. Lists of parameters, issues and concepts have no order.

Sentences for people (issue texts, `message`, `diagnostics`) are the server's own: unless `verbatim`, what is compared is that
they name what the template's sentence names: every URL in it.
"""

from __future__ import annotations

import re
from typing import Any

_TYPES = {
    "$id$": r"[A-Za-z0-9\-.]{1,64}",
    "$uuid$": r"urn:uuid:[0-9a-f\-]{36}",
    "$instant$": r"\d{4}-\d\d-\d\dT.*",
    "$date$": r"\d{4}-\d\d-\d\d.*",
    "$semver$": r"\d+\.\d+.*",
    "$version$": r".+",
    "$url$": r"\w+:.+",
    "$token$": r".+",
    "$string$": r"(?s).+",
}
_URL = re.compile(r"https?://[^\s'\",;|()\]]+")
_WORDS = {"text", "diagnostics", "message"}
_EITHER_WAY = {"location"}
"""R4 has deprecated it beside `expression`: some templates of one suite have it, others do not."""


def differences(template: Any, answer: Any, *, verbatim: bool = False, where: str = "$") -> list[str]:
    """What is not as the template says; empty where it fits."""
    if isinstance(template, dict):
        return _object(template, answer, verbatim, where)
    if isinstance(template, list):
        return _list(template, answer, verbatim, where)
    if isinstance(template, str):
        return [] if _text_fits(template, answer, verbatim, where) else [f"{where}: {answer!r} is not {template!r}"]
    if isinstance(template, bool) or template is None or isinstance(answer, bool):
        return [] if template is answer else [f"{where}: {answer!r} is not {template!r}"]
    same = not isinstance(answer, str | dict | list) and answer is not None and template == answer
    return [] if same else [f"{where}: {answer!r} is not {template!r}"]


def _text_fits(template: str, answer: Any, verbatim: bool, where: str) -> bool:
    if template == "$$":
        return True
    if not isinstance(answer, str):
        return False
    if template in _TYPES:
        return re.fullmatch(_TYPES[template], answer) is not None
    if template.startswith("$external:"):
        return template[:-1].split(":", 2)[2:] == [] or template[:-1].split(":", 2)[2] in answer
    if template.startswith("$fragments:"):
        parts = template[len("$fragments:") : -1].split("|")
        return not verbatim or all(part in answer for part in parts)
    if template.startswith("$choice:"):
        return answer in template[len("$choice:") : -1].split("|")
    if "$version$" in template:
        return re.fullmatch(re.escape(template).replace(re.escape("$version$"), ".+"), answer) is not None
    if not verbatim and where.rsplit(".", 1)[-1] in _WORDS:
        return {url.rstrip(".") for url in _URL.findall(template)} <= {url.rstrip(".") for url in _URL.findall(answer)}
    return template == answer


def _object(template: dict[str, Any], answer: Any, verbatim: bool, where: str) -> list[str]:
    if not isinstance(answer, dict):
        return [f"{where}: no object"]
    optional = set(template.get("$optional-properties$", []))
    named = {name: value for name, value in template.items() if not name.startswith("$")}
    found = []
    for name, expected in named.items():
        spoken = named.get("name") == "message" or str(named.get("url", "")).endswith("-reason")
        inner = f"{where}.message" if name == "valueString" and spoken else f"{where}.{name}"
        if name not in answer:
            if name not in optional and not _may_miss(expected):
                found.append(f"{where}.{name} is missing")
        elif name in template.get("$count-arrays$", []):
            if len(expected) != len(answer[name]):
                found.append(f"{inner}: {len(answer[name])} items, not {len(expected)}")
        else:
            found += differences(expected, answer[name], verbatim=verbatim, where=inner)
    optional |= _EITHER_WAY
    return found + [f"{where}.{name} is not expected" for name in answer if name not in named and name not in optional]


def _may_miss(expected: Any) -> bool:
    if isinstance(expected, dict):
        return "$optional$" in expected
    return isinstance(expected, list) and all(_may_miss(item) for item in expected)


def _list(template: list[Any], answer: Any, verbatim: bool, where: str) -> list[str]:
    if not isinstance(answer, list):
        return [f"{where}: no list"]
    left = list(answer)
    found = []
    for expected in sorted(template, key=_may_miss):
        tries = [differences(expected, item, verbatim=verbatim, where=f"{where}[]") for item in left]
        fitting = next((place for place, tried in enumerate(tries) if not tried), None)
        if fitting is not None:
            left.pop(fitting)
        elif not _may_miss(expected):
            nearest = min(tries, key=len, default=["nothing is like it"])
            found.append(f"{where}: no item fits {_short(expected)} ({'; '.join(nearest[:3])})")
    return found + [f"{where}: {_short(item)} is not expected" for item in left]


def _short(item: Any) -> str:
    if isinstance(item, dict):
        return str(item.get("name") or item.get("code") or item.get("url") or item)[:120]
    return str(item)[:80]
