"""One question's way into the content: which version of what, with which supplements, and that imports do not go in circles.

FHIR R4 `$expand` and `$validate-code`; the choice of versions as R5 describes it for `system-version`,
`check-system-version`, `force-system-version` and `default-valueset-version`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from terminology import messages
from terminology.catalogue import Catalogue, Layers, MemoryCatalogue, Offer
from terminology.code_system import CodeSystem
from terminology.compile_code_system import supplemented
from terminology.elements import Resource, text
from terminology.issues import TerminologyError
from terminology.question import Question
from terminology.value_set import Rule, ValueSet, read_value_set
from terminology.versions import canonical_of, fits, split_canonical, version_key

if TYPE_CHECKING:
    from terminology.membership import Member

T = TypeVar("T")
_DEEPEST: Final = 50
_MOST_SETS: Final = 2000


@dataclass(frozen=True, slots=True)
class Choice:
    """The version that was chosen for a code system. `system` None: it is not here; then `wanted` says what was."""

    url: str
    system: CodeSystem | None
    wanted: str | None = None
    forced: bool = False
    refused: str | None = None
    """What `check-system-version` asks for, where the chosen version does not fit it."""


class Session:
    """What one question sees. Not for use by several questions: it remembers what it has found."""

    def __init__(self, catalogue: Catalogue, question: Question) -> None:
        brought = question.resources.get("tx-resource", ())
        self.catalogue: Catalogue = Layers(MemoryCatalogue(brought), catalogue) if brought else catalogue
        self.question = question
        self._supplements = list(question.texts("useSupplement"))
        self._contained: dict[str, ValueSet] = {}
        self._systems: dict[tuple[str, str | None], CodeSystem | None] = {}
        self.members: dict[tuple[int, int, int], tuple[ValueSet, Member | None]] = {}
        """What membership.py has found out of imported sets: by set, code system and row."""
        self.used_supplements: set[str] = set()
        self.used_pins: set[tuple[str, str]] = set()
        """Parameters that decided on a version, with the canonical of each."""

    # -- code systems ----------------------------------------------------------------------------------------------------
    def versions(self, url: str) -> list[str]:
        """The versions that are here, oldest first."""
        found = [one.version for one in self.catalogue.code_systems(url) if one.version]
        return sorted(found, key=version_key)

    def system(self, url: str, version: str | None = None) -> CodeSystem | None:
        """A code system: the latest that fits the version, or the latest; with the supplements that were asked for."""
        key = (url, version)
        if key not in self._systems:
            self._systems[key] = self._find_system(url, version)
        return self._systems[key]

    def _find_system(self, url: str, version: str | None) -> CodeSystem | None:
        chosen = _newest([one for one in self.catalogue.code_systems(url) if one.content != "not-present"], version)
        if chosen is None:
            return None
        found = chosen.take()
        added = [one for one in self._wanted_supplements() if split_canonical(text(one, "supplements") or "")[0] == url]
        if not added:
            return found
        self.used_supplements.update(canonical_of(text(one, "url") or "", text(one, "version")) for one in added)
        return supplemented(found, added)

    def _wanted_supplements(self) -> list[Resource]:
        return [self._supplement(canonical) for canonical in self._supplements]

    def _supplement(self, canonical: str) -> Resource:
        url, version = split_canonical(canonical)
        found = _newest(self.catalogue.supplements(url), version)
        if found is None:
            raise messages.supplement_missing(canonical)
        return found.take()

    def need_supplements(self, canonicals: Sequence[str]) -> None:
        """Adds supplements that a value set asks for, and looks for all. Raises TerminologyError for one that is not here."""
        self._supplements.extend(one for one in canonicals if one not in self._supplements)
        self._wanted_supplements()

    def choose(self, url: str, version: str | None, given: str | None = None) -> Choice:
        """The version of a code system for a rule that names `version`, where the code comes in version `given`."""
        pins = self.question.versions
        forced = pins.force.get(url)
        wanted = forced or version or pins.default.get(url) or pins.check.get(url)
        if forced is not None or (version is None and wanted is not None):
            name = "force-system-version" if forced else "system-version" if url in pins.default else "check-system-version"
            self.used_pins.add((name, canonical_of(url, wanted)))
        system = self.system(url, wanted)
        if given is not None and given != (system.version if system else None):
            exact = self.system(url, given)
            if exact is not None and (wanted is None or fits(exact.version, wanted)):
                system = exact
        check = pins.check.get(url)
        refused = check if check and system is not None and not fits(system.version, check) else None
        return Choice(url, system, wanted, forced is not None, refused)

    # -- value sets --------------------------------------------------------------------------------------------------------
    def value_set(self, canonical: str, holder: ValueSet | None = None) -> ValueSet | None:
        """A value set by canonical, or one that `holder` contains."""
        if canonical.startswith("#"):
            resource = holder.contained.get(canonical) if holder is not None else None
            if resource is None:
                return None
            key = f"{holder.canonical if holder else ''}{canonical}"
            if key not in self._contained:
                self._contained[key] = read_value_set(resource)
            return self._contained[key]
        url, version = split_canonical(canonical)
        version = version or self.question.versions.value_sets.get(url)
        found = _newest(self.catalogue.value_sets(url), version)
        return found.take() if found is not None else self._implicit(url, version)

    def _implicit(self, url: str, version: str | None) -> ValueSet | None:
        """All codes of a system that is here (`?fhir_vs`), or those below one (`?fhir_vs=isa/CODE`): R4 has it for SNOMED CT."""
        system, mark, part = url.partition("?fhir_vs")
        op, _, anchor = part.partition("/")
        if not mark or (part and (op != "=isa" or not anchor)) or self.system(system, version) is None:
            return None
        if url not in self._contained:
            rule: Resource = {"system": system} | ({"version": version} if version else {})
            if anchor:
                rule["filter"] = [{"property": "concept", "op": "is-a", "value": anchor}]
            head = {"resourceType": "ValueSet", "url": url, "status": "active"} | ({"version": version} if version else {})
            self._contained[url] = read_value_set({**head, "compose": {"include": [rule]}})
        return self._contained[url]

    def named(self, canonical: str) -> str:
        """A canonical with the version that the question pins it to."""
        url, version = split_canonical(canonical)
        return canonical_of(url, version or self.question.versions.value_sets.get(url))

    def imports(self, value_set: ValueSet) -> list[ValueSet]:
        """Every value set that a definition rests on, checked. Raises TerminologyError: unknown, in a circle, too many."""
        found: list[ValueSet] = []
        self._walk_imports(value_set, (value_set.name,), found)
        self.need_supplements([*value_set.supplements, *(name for one in found for name in one.supplements)])
        return found

    def _walk_imports(self, value_set: ValueSet, path: tuple[str, ...], found: list[ValueSet]) -> None:
        for canonical in imported(value_set):
            other = self.value_set(canonical, value_set)
            if other is None:
                raise TerminologyError(messages.unknown_value_set(self.named(canonical)), 404)
            if other is value_set or (other.canonical and other.canonical in path):
                raise messages.circular((*path, other.name))
            if any(other is one for one in found):
                continue
            if len(path) > _DEEPEST or len(found) > _MOST_SETS:
                raise messages.too_costly("The value set imports too many others, or too deeply.")
            self._walk_imports(other, (*path, other.name), found)
            found.append(other)


def _newest(offers: Sequence[Offer[T]], wanted: str | None) -> Offer[T] | None:
    """The latest of the versions, or of those that fit the one that is wanted."""
    if wanted is not None:
        offers = [one for one in offers if fits(one.version, wanted)]
    return max(offers, key=lambda one: version_key(one.version)) if len(offers) > 1 else next(iter(offers), None)


def imported(value_set: ValueSet) -> list[str]:
    """The canonicals that the rules of a value set import."""
    rules: list[Rule] = [*value_set.includes, *value_set.excludes]
    return [canonical for rule in rules for canonical in rule.value_sets]
