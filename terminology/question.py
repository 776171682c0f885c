"""What a caller asks: the Parameters of a terminology operation, read once into one frozen question.

FHIR R4 operations of CodeSystem, ValueSet and ConceptMap, with the parameters that R5 and HL7's terminology ecosystem add
(`check-system-version`, `force-system-version`, `default-valueset-version`, `useSupplement`, `tx-resource`,
`lenient-display-validation`, `valueset-membership-only`, `inferSystem`). Unknown parameters are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from terminology import messages
from terminology.elements import Resource, rows, value_of
from terminology.languages import Languages, parse_languages
from terminology.versions import split_canonical

_LARGEST_INTEGER: Final = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions of code systems by URL: `default` where a value set names none, `check`ed after the choice, `force`d before it."""

    default: Mapping[str, str] = field(default_factory=dict)
    check: Mapping[str, str] = field(default_factory=dict)
    force: Mapping[str, str] = field(default_factory=dict)
    value_sets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """`values`: every parameter's values by name, in order. `resources`: those whose value is a resource."""

    values: Mapping[str, Sequence[Any]]
    resources: Mapping[str, Sequence[Resource]]
    languages: Languages | None = None
    versions: Versions = field(default_factory=Versions)

    def text(self, *names: str) -> str | None:
        """The first value of the first of these names that has a string."""
        for name in names:
            for value in self.values.get(name, ()):
                if isinstance(value, str) and value:
                    return value
        return None

    def texts(self, name: str) -> list[str]:
        return [value for value in self.values.get(name, ()) if isinstance(value, str) and value]

    def object(self, name: str) -> Resource | None:
        """The first value of a complex type."""
        return next((value for value in self.values.get(name, ()) if isinstance(value, dict)), None)

    def resource(self, name: str) -> Resource | None:
        return next(iter(self.resources.get(name, ())), None)

    def flag(self, name: str) -> bool | None:
        """A boolean parameter. Raises TerminologyError where it is neither true nor false."""
        for value in self.values.get(name, ()):
            if isinstance(value, bool):
                return value
            if value not in ("true", "false"):
                raise messages.bad_request(f"The parameter {name} is a boolean.", name, type="value")
            return bool(value == "true")
        return None

    def number(self, name: str) -> int | None:
        """A count. Raises TerminologyError where it is not a whole number of 0 or more."""
        for value in self.values.get(name, ()):
            number = (
                int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16 else value
            )
            if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= _LARGEST_INTEGER:
                raise messages.bad_request(f"The parameter {name} is a whole number, 0 or more.", name, type="value")
            return number
        return None

    def wanting(self, languages: str | None) -> Question:
        """The same question with these languages, if it names none itself."""
        wanted = parse_languages(languages)
        return self if self.languages is not None or wanted is None else replace(self, languages=wanted)


def read_question(parameters: Resource, accept_language: str | None = None, defaults: Resource | None = None) -> Question:
    """Reads Parameters. `defaults`: Parameters whose values count where the first have none of that name (a batch's own).

    Raises TerminologyError for a canonical that pins nothing.
    """
    values, resources = _collect(parameters)
    if defaults is not None:
        more_values, more_resources = _collect(defaults)
        values, resources = {**more_values, **values}, {**more_resources, **resources}
    question = Question(values, resources)
    wanted = parse_languages(question.text("displayLanguage")) or parse_languages(accept_language)
    pins = Versions(
        default=_pins(question, "system-version"),
        check=_pins(question, "check-system-version"),
        force=_pins(question, "force-system-version"),
        value_sets=_pins(question, "default-valueset-version"),
    )
    return Question(values, resources, wanted, pins)


def _collect(parameters: Resource) -> tuple[dict[str, list[Any]], dict[str, list[Resource]]]:
    values: dict[str, list[Any]] = {}
    resources: dict[str, list[Resource]] = {}
    for row in rows(parameters, "parameter"):
        name = row.get("name")
        if not isinstance(name, str):
            continue
        resource = row.get("resource")
        found = value_of(row)
        if isinstance(resource, dict):
            resources.setdefault(name, []).append(resource)
        elif found is not None:
            values.setdefault(name, []).append(found[1])
        elif "part" in row:
            values.setdefault(name, []).append({"part": rows(row, "part")})
    return values, resources


def _pins(question: Question, name: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for canonical in question.texts(name) if name in question.values else ():
        url, version = split_canonical(canonical)
        if version is None:
            raise messages.bad_request(
                f"The parameter {name} is a canonical with a version: url|version.", name, type="value"
            )
        found[url] = version
    return found
