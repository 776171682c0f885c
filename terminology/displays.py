"""The names of a concept: which to show for the languages wanted, and whether one that was sent is right.

FHIR R4 `displayLanguage` and `$validate-code` display; the answers where a language has no display as HL7's terminology
ecosystem words them: an information where the display is right in the default language, an error otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from terminology import messages
from terminology.code_system import CodeSystem, Designation
from terminology.elements import Resource, rows, text
from terminology.issues import Severity, TxIssue
from terminology.languages import Languages


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one concept. `language`: of `display`."""

    display: str | None
    language: str | None
    designations: Sequence[Designation]

    def shown(self, languages: Languages | None) -> tuple[str | None, Designation | None]:
        """The name for these languages, and the designation that it is (None: it is the display)."""
        if languages is None:
            return self.display, None
        own = languages.rank(self.language)
        best = len(languages.ranges) if own is None else own
        chosen: Designation | None = None
        for designation in self.designations:
            rank = languages.rank(designation.language)
            if rank is not None and rank < best and not designation.outdated:
                best, chosen = rank, designation
        if chosen is not None:
            return chosen.value, chosen
        if own is None and not languages.others and self.language is not None:
            return None, None
        return self.display, None


def names_of(system: CodeSystem, row: int, entry: Resource | None = None) -> Names:
    """The names of a row; `entry`, a value set's own words about it, comes first."""
    designations = system.designations.get(row, ())
    display = system.displays[row]
    if entry is not None:
        added = [
            Designation(value, text(one, "language"), one.get("use"), tuple(rows(one, "extension")))
            for one in rows(entry, "designation")
            if (value := text(one, "value")) is not None
        ]
        designations = (*added, *designations) if added else designations
        display = text(entry, "display") or display
    return Names(display, system.language, designations)


def check_display(
    sent: str, names: Names, languages: Languages | None, coding: str, code: str, place: str, *, lenient: bool
) -> TxIssue | None:
    """What is wrong with a display that was sent; None where it is right. Case does not count."""
    severity: Severity = "warning" if lenient else "error"
    default = [(names.display, names.language)] if names.display else []
    fresh = [(one.value, one.language) for one in names.designations if not one.outdated]
    if languages is None:
        valid = [*default, *fresh]
    else:
        valid = [pair for pair in (*default, *fresh) if pair[1] is None or languages.rank(pair[1]) is not None]
        valid = [pair for pair in valid if pair[1] is not None] or [pair for pair in valid if pair in default]
    if _among(sent, valid):
        return None
    for one in names.designations:
        if one.outdated and _same(one.value, sent):
            return messages.outdated_display(sent, code, one.outdated, [value for value, _ in valid or default], place)
    asked = languages.names if languages is not None else "--"
    if valid:
        space = any(_squeezed(value) == _squeezed(sent) for value, _ in valid)
        return messages.wrong_display(sent, coding, valid, asked, place, severity, space=space)
    if not default and not fresh:
        return None
    in_default = [*default, *(pair for pair in fresh if pair[1] == names.language)]
    if _among(sent, in_default):
        return messages.no_display_in_language(sent, coding, asked, names.display, place, "information")
    return messages.no_display_in_language(sent, coding, asked, names.display, place, severity)


def _same(one: str, other: str) -> bool:
    return one == other or one.casefold() == other.casefold()


def _among(sent: str, valid: Iterable[tuple[str, str | None]]) -> bool:
    return any(_same(value, sent) for value, _ in valid)


def _squeezed(value: str) -> str:
    return " ".join(value.split()).casefold()
