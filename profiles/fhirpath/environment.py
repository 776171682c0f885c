"""What surrounds an evaluation: limits, services, constants, and the state that it runs through.

Services are interfaces, handed in by the caller: FHIRPath says what resolve(), memberOf() and conformsTo() mean, not how a
server finds references, code systems and profiles. Without a service, a function that needs it raises fhirpath-unsupported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from profiles.fhirpath.errors import LIMIT, FhirPathError
from profiles.fhirpath.temporal import DateTime
from profiles.json import Json, Resource


class Resolver(Protocol):
    """Finds what a reference points at, outside of the resource itself (contained resources are found without it)."""

    def resolve(self, reference: str, root: Resource | None) -> Resource | None:
        """The resource under a literal reference or canonical URL; None if there is none. `root`: where it was written."""


class Terminology(Protocol):
    """Answers by codes. None means that the answer is not known (unknown value set, unknown system)."""

    def member_of(self, value_set: str, system: str | None, code: str, version: str | None) -> bool | None: ...

    def subsumes(self, system: str, ancestor: str, descendant: str) -> bool | None:
        """Whether `ancestor` is `descendant` or above it."""


class Profiles(Protocol):
    """Says whether an element conforms to a profile; None if the profile is not known."""

    def conforms_to(self, value: Resource, type_name: str, profile: str) -> bool | None: ...


Trace = Callable[[str, Sequence[Any]], None]
"""Receives the name and the items of every trace(); items are nodes and system values, and may be PHI."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one evaluation may take. A step is about one item that some function or path has looked at."""

    steps: int = 500_000
    text: int = 1_000_000
    """The length of a string that an expression makes."""


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Services:
    """What the caller lends to an evaluation. `now` makes now() and today() reproducible."""

    resolver: Resolver | None = None
    terminology: Terminology | None = None
    profiles: Profiles | None = None
    trace: Trace | None = None
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


NO_SERVICES: Final = Services()


class Run:
    """The state of one evaluation. `left` counts down the steps; who loops subtracts, and calls `exhausted` below zero.

    `context`, `resource` and `root` are %context, %resource and %rootResource as plain JSON, None where there is none.
    """

    index = 0
    """$index."""
    total: Sequence[Any] = ()
    """$total."""
    _now: DateTime | None = None

    def __init__(
        self,
        context: Json,
        resource: Json,
        root: Json,
        constants: Mapping[str, Any],
        services: Services,
        limits: Limits,
    ) -> None:
        self.context = context
        self.resource = resource
        self.root = root
        self.constants = constants
        self.services = services
        self.limits = limits
        self.left = limits.steps
        self.variables: dict[int, list[Any]] | None = None

    def spend(self, steps: int) -> None:
        """Count steps. Raises FhirPathError (fhirpath-limit) when there were too many."""
        self.left -= steps
        if self.left < 0:
            raise exhausted()

    def now(self) -> DateTime:
        """The moment of the evaluation, the same for the whole of it, to the millisecond."""
        if self._now is None:
            moment = self.services.now()
            zone = moment.utcoffset()
            second = Decimal(moment.second * 1000 + moment.microsecond // 1000).scaleb(-3)
            fields = (moment.year, moment.month, moment.day, moment.hour, moment.minute, second)
            self._now = DateTime(fields, None if zone is None else int(zone.total_seconds()) // 60)
        return self._now


def exhausted() -> FhirPathError:
    return FhirPathError(LIMIT, "The expression takes more steps than allowed.")
