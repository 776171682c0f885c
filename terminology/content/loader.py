"""Code systems from an operator's files: HCPCS, CPT, or any list that Assent may not ship (docs/terminology.md).

A file is CSV, or text with tabs or bars between the columns, with a header. It needs a column of codes; the names of the columns
may be given, and are guessed where they are not: code, short and long description, dates of beginning and end, parent. A code
whose end lies in the past counts as inactive. Where lines are numbered (`SEQNUM`, as CMS does), those that repeat a code go on with
its long description.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from terminology.elements import Resource

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "code": ("code", "hcpc", "hcpcs", "hcpcs code", "cpt", "cpt code", "concept_code"),
    "display": (
        "display",
        "short description",
        "short_description",
        "description",
        "long description",
        "long_description",
        "name",
    ),
    "definition": ("definition", "long description", "long_description"),
    "parent": ("parent",),
    "sequence": ("seqnum", "sequence", "sequence number"),
    "start": ("start", "effective date", "act eff dt", "add dt", "effective_date"),
    "end": ("end", "termination date", "term dt", "end_date", "termination_date"),
}
MOST_BYTES: Final = 200 * 2**20
_MOST_ROWS: Final = 500_000
_LONGEST_CODE: Final = 50


class CodeFileError(ValueError):
    """The file cannot be read as a list of codes; the message says where (line numbers from 1)."""


@dataclass(frozen=True, slots=True)
class CodeFile:
    """What a file stands for: the system's URL, the edition, a name for people; `columns` maps our names to the file's."""

    url: str
    version: str
    name: str
    columns: Mapping[str, str] | None = None
    encoding: str = "utf-8"


def load_code_file(data: bytes, about: CodeFile, today: date) -> Resource:
    """The CodeSystem that a file holds. Raises CodeFileError: not in its encoding, no code column, no codes, a code twice, too many."""
    try:
        content = data.decode(about.encoding).removeprefix("\ufeff")
    except LookupError as error:
        raise CodeFileError("There is no encoding of that name; utf-8 and cp1252 are two.") from error
    except UnicodeError as error:
        raise CodeFileError(f"The file is not {about.encoding.upper()}; lists of CMS may be cp1252.") from error
    concepts = list(_concepts(content, about, today))
    if not concepts:
        raise CodeFileError("The file holds no codes.")
    return {
        "resourceType": "CodeSystem",
        "url": about.url,
        "version": about.version,
        "name": about.name,
        "status": "active",
        "content": "complete",
        "caseSensitive": False,
        "hierarchyMeaning": "is-a",
        "property": [
            {"code": "status", "uri": "http://hl7.org/fhir/concept-properties#status", "type": "code"},
            {"code": "parent", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"},
            {"code": "effectiveDate", "uri": "http://hl7.org/fhir/concept-properties#effectiveDate", "type": "dateTime"},
            {"code": "retirementDate", "uri": "http://hl7.org/fhir/concept-properties#retirementDate", "type": "dateTime"},
        ],
        "count": len(concepts),
        "concept": concepts,
    }


def _concepts(content: str, about: CodeFile, today: date) -> Iterator[Resource]:
    first = content.partition("\n")[0]
    delimiter = max(",\t|;", key=first.count)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)
    seen: dict[str, Resource] = {}
    try:
        columns = _columns(next(reader, []), about.columns or {})
        for row in reader:
            values = {name: row[place].strip() for name, place in columns.items() if place < len(row)}
            code = values.get("code", "")
            if not code:
                continue
            if len(code) > _LONGEST_CODE:
                raise CodeFileError(f"Line {reader.line_num}: a code is longer than {_LONGEST_CODE} characters.")
            if code in seen and "sequence" in values:
                _go_on(seen[code], values)
                continue
            if code in seen:
                raise CodeFileError(f"Line {reader.line_num}: the code was there before.")
            if len(seen) == _MOST_ROWS:
                raise CodeFileError(f"The file holds more than {_MOST_ROWS} codes.")
            seen[code] = _concept(code, values, today, reader.line_num)
    except csv.Error as error:
        raise CodeFileError(f"Line {reader.line_num} is not in the form of the others.") from error
    yield from seen.values()


def _go_on(concept: Resource, values: Mapping[str, str]) -> None:
    """A further line of a code: more of its long description."""
    more = values.get("definition")
    if more:
        concept["definition"] = f"{concept.get('definition', '')} {more}".strip()


def _columns(header: list[str], given: Mapping[str, str]) -> dict[str, int]:
    names = [name.strip().casefold() for name in header]
    found = {}
    for ours, named in given.items():
        if ours not in _NAMES:
            raise CodeFileError(f"There is no column {ours!r} to name; there are: {', '.join(_NAMES)}.")
        if named.strip().casefold() not in names:
            raise CodeFileError(f"Line 1 has no column {named!r}, which {ours} was to be taken from.")
    for ours, theirs in _NAMES.items():
        wanted = (given[ours].strip().casefold(),) if ours in given else theirs
        place = next((names.index(name) for name in wanted if name in names), None)
        if place is not None:
            found[ours] = place
    if "code" not in found:
        raise CodeFileError("Line 1 names no column of codes (code, HCPC, CPT code); name it in `columns`.")
    return found


def _concept(code: str, values: Mapping[str, str], today: date, line: int) -> Resource:
    concept: Resource = {"code": code}
    for name in ("display", "definition"):
        if values.get(name):
            concept[name] = values[name]
    properties = []
    if values.get("parent"):
        properties.append({"code": "parent", "valueCode": values["parent"]})
    start, end = (_date(values.get(name), line) for name in ("start", "end"))
    if start is not None:
        properties.append({"code": "effectiveDate", "valueDateTime": start.isoformat()})
    if end is not None:
        properties.append({"code": "retirementDate", "valueDateTime": end.isoformat()})
    if end is not None and end < today:
        properties.append({"code": "status", "valueCode": "retired"})
    if properties:
        concept["property"] = properties
    return concept


def _date(text: str | None, line: int) -> date | None:
    """`2026-01-31`, `20260131` or `01/31/2026`."""
    if not text:
        return None
    plain = text
    if "/" in text:
        month, _, rest = text.partition("/")
        day, _, year = rest.partition("/")
        plain = f"{year.zfill(4)}-{month.zfill(2)}-{day.zfill(2)}"
    try:
        return date.fromisoformat(plain)
    except ValueError as error:
        raise CodeFileError(f"Line {line}: a date is none of 2026-01-31, 20260131, 01/31/2026.") from error
