"""Where a validation is: the resource at hand, what holds it, what it may look up, and where its findings go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Protocol

from profiles import fhirpath
from profiles.bundle_index import BundleIndex, Held
from profiles.conformance.bindings import Membership, Terminology
from profiles.conformance.definitions import Definitions
from profiles.conformance.findings import Finding
from profiles.json import Json, Resource
from profiles.outcome import Severity
from profiles.validation.run import Path, expression

MAX_FINDINGS: Final = 200
MOST_FINDINGS: Final = 300
"""Behind the first 200 only errors are told, so that no number of warnings hides one."""
MAX_NESTED: Final = 24
"""Profiles inside profiles (by references, slices, entries) that one place is held against at a time."""
WORK: Final = 100_000
WORK_PER_OBJECT: Final = 16
"""How many elements may be held against elements of profiles in one validation: so many, and more for each JSON object."""
STEPS: Final = 3_000_000
STEPS_PER_OBJECT: Final = 100
"""The same for the steps of all invariants together, where FHIRPath has to be evaluated."""


class OutsideResolver(Protocol):
    """Finds resources outside of the one that is validated: in the store, for instance."""

    def resolve(self, reference: str) -> Resource | None: ...


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller may choose. `best_practice`: how constraints marked as best practice are told; None: not at all."""

    best_practice: Severity | None = "warning"
    unknown_profile: Severity = "warning"
    unknown_extension: Severity = "warning"
    resolver: OutsideResolver | None = None
    wrong_display: Severity = "warning"
    aggregation: bool = True
    claims: bool = True
    """Whether resources are held against the profiles of their meta.profile."""
    narrative: Severity = "information"
    """How strange attributes and dead links of narratives are told."""
    plain_text: bool = False
    """Whether texts that look like HTML tags are errors."""
    structure: bool = True
    """Whether R4's structure is looked at first; a caller that has done so need not have it done twice."""
    explained: bool = True
    """Whether what conforms to none of several profiles is told with its first fault, for which it is held against them again."""
    today: Callable[[], date] = date.today
    steps: int = 100_000
    """What one invariant may take (profiles/fhirpath, Limits)."""


class EnoughError(Exception):
    """Raised inside a validation that has found, or done, as much as it may."""


class SettledError(Exception):
    """Raised by the first error of a trial that only asks whether there is one. Whoever begins such a trial catches it."""


Pair = tuple[int, int | str]
"""(id of a value, id of a profile's tree), or the canonical of a profile that has none."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What was found when something was tried at a place (warnings only), and the pairs that were looked at on the way."""

    path: Path
    findings: list[Finding]
    done: set[Pair]


@dataclass(slots=True)
class Run:
    """One validation: what it reads, what it remembers."""

    definitions: Definitions
    terminology: Terminology
    options: Options
    done: set[Pair] = field(default_factory=set)
    """What was held against each other, so that findings come once."""
    verdicts: dict[Pair, bool] = field(default_factory=dict)
    trials: dict[Pair, Trial] = field(default_factory=dict)
    """What conformed when it was tried, so that it need not be walked again to tell its warnings."""
    holders: dict[int, Held] = field(default_factory=dict)
    """The Bundle entry of each resource in one, by the resource's id()."""
    places: dict[int, Path] = field(default_factory=dict)
    """The place of each resource in a Bundle, by its id()."""
    left: int = WORK
    steps: int = STEPS
    exhausted: bool = False
    systems: dict[str, str | None] = field(default_factory=dict)
    """What is wrong with naming a code system by a URI, None for nothing: the same few come again and again."""
    answers: dict[tuple[str, str | None, str, str | None], Membership] = field(default_factory=dict)
    """What the terminology said of (value set, system, code, display)."""
    extended: dict[int, dict[int, Resource]] = field(default_factory=dict)
    """By id() of a resource: what holds each of its extensions."""
    anchors: dict[int, frozenset[str]] = field(default_factory=dict)
    """By id() of a resource: what links inside narratives may lead to."""
    trees: dict[str, Any] = field(default_factory=dict)
    """The profiles met so far by canonical."""


@dataclass(slots=True, eq=False)
class Item:
    """An element: its value, the object beside a primitive (`_name`), its R4 type, its place.

    Nobody changes one; not frozen, because hundreds are made in a validation and freezing costs three times as much.
    """

    value: Json
    extra: Resource | None
    type: str
    path: Path


class Context:
    """The surroundings of one resource. `root` is what contains it; `holder` the Bundle entry that it stands in."""

    __slots__ = ("asks", "bundle", "depth", "holder", "resource", "root", "run", "services", "sink")

    def __init__(
        self,
        run: Run,
        sink: list[Finding],
        resource: Resource,
        root: Resource,
        *,
        bundle: BundleIndex | None = None,
        holder: Held | None = None,
        depth: int = 0,
        asks: bool = False,
    ) -> None:
        """`asks`: whether there is any error is all that is asked, so that the first one ends it (SettledError)."""
        self.run = run
        self.sink = sink
        self.resource = resource
        self.root = root
        self.bundle = bundle
        self.holder = holder
        self.depth = depth
        self.asks = asks
        self.services: fhirpath.Services | None = None

    def add(
        self,
        code: str,
        text: str,
        path: Path,
        severity: Severity = "error",
        *,
        rule: str | None = None,
        fix: tuple[dict[str, Any], ...] = (),
    ) -> None:
        told = len(self.sink)
        if told >= MAX_FINDINGS and severity not in ("error", "fatal"):
            return
        self.sink.append(Finding(code, text, expression(path), severity, rule, fix))
        if self.asks and severity in ("error", "fatal"):
            raise SettledError
        if told + 1 >= MOST_FINDINGS:
            raise EnoughError

    def repeat(self, findings: list[Finding]) -> None:
        """Tell what a trial found, where it was not told already."""
        told = {(each.code, each.expression, each.rule, each.text) for each in self.sink} if findings else set()
        self.sink += [each for each in findings if (each.code, each.expression, each.rule, each.text) not in told]
        if len(self.sink) >= MAX_FINDINGS:
            raise EnoughError

    def spend(self, steps: int) -> None:
        """Count the steps of an invariant, each of which has looked at about one item."""
        self.run.steps -= steps
        if self.run.steps < 0:
            self.run.exhausted = True
            raise EnoughError

    def work(self, amount: int = 1) -> None:
        self.run.left -= amount
        if self.run.left < 0:
            self.run.exhausted = True
            raise EnoughError

    def trial(self, *, asks: bool) -> Context:
        """The same place with a sink of its own: to see whether something conforms (`asks`), or all that is wrong with it."""
        trial = self._copy([], self.resource, self.root, self.bundle, self.holder, self.depth + 1)
        trial.asks = asks
        return trial

    def of_contained(self, resource: Resource) -> Context:
        return self._copy(self.sink, resource, self.root, self.bundle, self.holder, self.depth + 1)

    def of_standing(self, resource: Resource, bundle: BundleIndex | None, holder: Held | None) -> Context:
        """For a resource of a Bundle entry or a parameter."""
        return self._copy(self.sink, resource, resource, bundle or self.bundle, holder or self.holder, self.depth + 1)

    def _copy(
        self,
        sink: list[Finding],
        resource: Resource,
        root: Resource,
        bundle: BundleIndex | None,
        holder: Held | None,
        depth: int,
    ) -> Context:
        return Context(self.run, sink, resource, root, bundle=bundle, holder=holder, depth=depth, asks=self.asks)

    def resolve(self, reference: str) -> tuple[Resource, Context] | None:
        """What a literal reference in this resource points at, and the surroundings there; None if it is not at hand."""
        if reference.startswith("#"):
            found = self._contained(reference[1:])
            return None if found is None else (found, self.of_contained(found))
        if self.bundle is not None and self.holder is not None:
            held = self.bundle.resolve(reference, self.holder)
            if held is not None:
                return held.resource, self.of_standing(held.resource, self.bundle, held)
        if self.run.options.resolver is not None:
            outside = self.run.options.resolver.resolve(reference)
            if outside is not None:
                return outside, Context(self.run, self.sink, outside, outside, depth=self.depth + 1, asks=self.asks)
        return None

    def _contained(self, id: str) -> Resource | None:
        if not id:
            return self.root
        contained = self.root.get("contained")
        if not isinstance(contained, list):
            return None
        return next((each for each in contained if isinstance(each, dict) and each.get("id") == id), None)

    def fhirpath_services(self) -> fhirpath.Services:
        if self.services is None:
            self.services = fhirpath.Services(resolver=_Resolver(self), terminology=_Members(self.run.terminology))
        return self.services


class _Resolver:
    """resolve() of FHIRPath, by the rules above."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def resolve(self, reference: str, root: Resource | None) -> Resource | None:
        context = self._context
        if context.bundle is not None and root is not None and root is not context.root:
            holder = context.run.holders.get(id(root))
            if holder is not None:
                context = context.of_standing(root, context.bundle, holder)
        found = context.resolve(reference)
        return None if found is None else found[0]


class _Members:
    """memberOf() of FHIRPath by the terminology at hand."""

    def __init__(self, terminology: Terminology) -> None:
        self._terminology = terminology

    def member_of(self, value_set: str, system: str | None, code: str, version: str | None) -> bool | None:
        return self._terminology.validate_code(value_set, system, code).member

    def subsumes(self, system: str, ancestor: str, descendant: str) -> bool | None:
        return True if ancestor == descendant else None
