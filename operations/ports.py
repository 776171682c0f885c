"""What the business needs of the outside: the store, the clock, the caller. `server` hands in what fits these Protocols.

`operations` never imports `server`; a test holds that. Everything a caller may not see does not exist for `Records`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from operations.definition import Definition
from profiles.json import Resource

Letter = Literal["c", "r", "u", "d", "s"]
"""create, read, update, delete, search: a SMART v2 letter."""

UniqueKey = tuple[str, ...]
"""A business key that may have one holder in a tenant, e.g. ("pas-request", requestor, insurer, system, value)."""


@dataclass(frozen=True, slots=True)
class Write:
    """Store `resource` under its `id`, as a new resource (`expected` None) or on top of version `expected`.

    The store sets `meta.versionId` and `meta.lastUpdated`. A new one may take the place of one that was deleted, whose history
    it goes on with, where `after_deletion` says so: that costs a read.
    """

    resource: Resource
    expected: int | None = None
    after_deletion: bool = False


@dataclass(frozen=True, slots=True)
class Deletion:
    """Delete a resource that is at version `expected`; its earlier versions stay in the history."""

    type: str
    id: str
    expected: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """Take a resource that is at version `expected` away for good: its versions before that one, or, `whole`, all of it."""

    type: str
    id: str
    expected: int
    whole: bool


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A version as it is kept, without what it says. `digest`: SHA-256 of its sealed bytes, in hexadecimal digits."""

    version: int
    deleted: bool
    patients: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class JobRequest:
    """Durable work to be done at or after `due`. `payload` is JSON and is sealed like a resource.

    With a `name` (`Context.new_id`), whoever asked can see how far it is, cancel it and fetch what came of it, at `_async/[name]`: the
    worker finds the payload under `work`, beside who asked.
    """

    kind: str
    due: datetime
    payload: Resource
    name: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What one commit carries. All of it becomes true together, with the audit record of the interaction, or nothing.

    `keys` maps a uniqueness key to the reference that holds it ("ClaimResponse/abc"); a key may be claimed once and may be
    re-pointed by whoever names its present holder in `replaces`.
    """

    writes: Sequence[Write] = ()
    deletions: Sequence[Deletion] = ()
    keys: Mapping[UniqueKey, str] = field(default_factory=dict)
    replaces: Mapping[UniqueKey, str] = field(default_factory=dict)
    jobs: Sequence[JobRequest] = ()
    states: Sequence[StateChange] = ()
    erasures: Sequence[Erasure] = ()
    """Alone in a commit: what goes for good is told by itself."""


@dataclass(frozen=True, slots=True)
class State:
    """What an operation keeps for itself, at a version: no resource, so that nobody reads, searches or changes it otherwise."""

    value: Resource
    version: int


@dataclass(frozen=True, slots=True)
class StateChange:
    """Keep `value` under a kind (an operation's own word) and a name, on top of version `expected` (0: there is none).

    It may be forgotten when it was not changed for `days`.
    """

    kind: str
    name: str
    value: Resource
    expected: int
    days: int


class KeyTakenError(Exception):
    """Another commit holds one of the uniqueness keys: read again and decide again. Nothing was stored."""


class VersionConflictError(Exception):
    """A written resource, or a state, is no longer at the expected version: read again and decide again. Nothing was stored."""


class Found(Protocol):
    """A current version that a search found, unparsed: whoever has it already need not parse it."""

    @property
    def type(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def updated(self) -> int:
        """Microseconds since 1970."""

    @property
    def body(self) -> bytes:
        """Its JSON."""

    @property
    def listed(self) -> bytes:
        """Its JSON as it is shown among others, without content that lies elsewhere."""

    @property
    def patients(self) -> tuple[str, ...]:
        """The ids of the patients whose record it is part of."""

    def resource(self) -> Resource:
        """Parsed; content of a Binary that lies elsewhere is left out."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what a search found; `after` is where the next page starts, empty where there is none."""

    found: Sequence[Found]
    after: str = ""


class Records(Protocol):
    """Reading, inside the caller's tenant and access filter."""

    async def read(self, type: str, id: str) -> Resource | None:
        """The current version, or None where there is none, it was deleted, or the caller may not see it."""

    async def read_version(self, type: str, id: str, version: int) -> Resource | None:
        """One version."""

    async def content(self, binary: str, version: int, most: int) -> bytes | None:
        """The first `most` bytes of what a version of the Binary of that id holds. `read` leaves out what is large."""

    async def search(self, type: str, query: Mapping[str, str | Sequence[str]], limit: int = 200) -> list[Resource]:
        """FHIR search by the type's search parameters, newest first: `search("Claim", {"patient": "Patient/1"})`.

        A list of values for a name means that all must match. Raises `FhirError` (search-too-costly) when more than
        `limit` resources match.
        """

    def find(self, type: str, query: Mapping[str, str | Sequence[str]]) -> AsyncIterator[Found]:
        """As `search`, one after another, however many there are: the caller decides when it has had enough."""

    async def page(
        self,
        type: str,
        query: Mapping[str, str | Sequence[str]],
        after: str,
        limit: int,
        patients: Collection[str] | None = None,
    ) -> Page:
        """As `find`, `limit` at a time, from where a page before it ended (empty: from the start).

        With `patients`, what is part of their records. Raises `FhirError` (bad-cursor) for a place that is not of this question.
        """

    def beginning(
        self, type: str, query: Mapping[str, str | Sequence[str]], patients: Collection[str] | None = None
    ) -> str:
        """The place before all of `page`'s results: worth something to this caller and for this question alone, as every place."""

    async def versions(self, type: str, id: str) -> Sequence[KeptVersion]:
        """All versions, newest first, deletions as well; none of what the caller may not see."""

    async def ever_in_record(self, patient: str) -> Sequence[tuple[str, str]]:
        """(type, id) of every resource of which some version is or was part of the patient's record, deleted ones as well.

        Raises `FhirError` (search-too-costly) for more than are erased at once.
        """

    async def holder(self, key: UniqueKey) -> str | None:
        """The reference ("Type/id") that holds a uniqueness key, if any."""

    async def state(self, kind: str, name: str) -> State | None:
        """What an operation keeps in the tenant under that name (`StateChange`)."""

    async def states(self, kind: str, most: int) -> int:
        """How many of a kind are kept in the tenant, counted up to `most`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who acts, as far as the business may care. `client` tells sending systems apart."""

    subject: str
    roles: frozenset[str]
    client: str | None = None
    fhir_user: str | None = None


class Disclosure(Protocol):
    """What patients' consents say of sending their records to others."""

    def withheld(self, patient: str | None, recipients: Collection[str], resources: Sequence[Resource]) -> list[int]:
        """The places in `resources` of what may not be sent to a recipient who is known by these references ("Organization/x").

        `patient` is the id of the patient whom they are about, None for one who is not known here.
        """


async def _unlike_any() -> bytes:
    """Nothing is kept where nobody says what changes."""
    return os.urandom(16)


@dataclass(frozen=True, slots=True)
class Context:
    """All that an operation is given beside its input. `base_url` has no trailing slash."""

    tenant: str
    base_url: str
    caller: Caller
    records: Records
    commit: Callable[[Changes], Awaitable[None]]
    """Raises KeyTakenError or VersionConflictError, after which the operation reads and decides again."""
    now: Callable[[], datetime]
    """Time-zone aware, UTC."""
    new_id: Callable[[], str]
    pas_version: Literal["2.2.1", "2.0.1"] = "2.2.1"
    note_detail: Callable[[str], None] = lambda text: None
    """Puts a sentence, without PHI, into this interaction's audit record."""
    note_entity: Callable[[str], None] = lambda reference: None
    """Adds a reference ("Patient/1") to the entities of this interaction's audit record."""
    may: Callable[[Letter, str], bool] = lambda letter, resource_type: False
    """Whether the caller may do something (`Operation.scope`) to a resource type at all."""
    disclosure: Disclosure | None = None
    """None where no consent of any patient says anything."""
    is_welcome: Callable[[], bool] = lambda: True
    """Whether the caller's token is still good: for what takes longer than an answer does."""
    edition: Callable[[], Awaitable[bytes]] = _unlike_any
    """Another value after each change of a definition (profiles/definition_types.py) that the tenant stores, by any server. What
    is made of definitions that were read after it may be kept, by tenant, for as long as it stays the same. It costs microseconds
    on the embedded store, and a question to the database on MongoDB."""


@dataclass(frozen=True, slots=True)
class OperationInput:
    """One call of an operation, parsed. `resource` is the body; a GET's parameters are in `query`."""

    resource: Resource | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Lower-case names; only those that the operation's definition lists."""


@dataclass(frozen=True, slots=True)
class OperationOutput:
    """`body` is a resource, or the bytes of one that are to be sent as they are.

    With a `stream`, its pieces are the body, of the media type `content_type` and as long as they are.
    """

    body: Resource | bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None
    content_type: str = ""
    patience: float | None = None
    """Seconds after which a reader who takes no piece of the stream is left."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: what it is (operations/definition.py), the function that does it, and who may call it.

    `scope` is the SMART v2 letter that the caller needs on the type that it is called on (on the system: on the first of the
    definition's types, or on all).
    """

    definition: Definition
    run: Callable[[OperationInput, Context], Awaitable[OperationOutput]]
    scope: Letter
    discloses: bool = False
    """It shows the caller what stored records say: each type it reads needs the caller's own right (403 without)."""
    header_names: tuple[str, ...] = ()
    every_type: bool = False
    """It stores resources of many types: the caller needs `scope` on all of them."""
    content_types: tuple[str, ...] = ()
    """Media types of a body that is no resource: it is handed over as a Binary that holds it (R4 binary.html)."""
    roles: frozenset[str] = frozenset()
    """Only callers with one of these roles may call it (none: whoever the scope lets), ..."""
    one_patient: bool = False
    """... and with a token that is limited to one patient's record only where this says so."""
    streams: bool = False
    """It answers with a stream: not in a Bundle, and not later."""
    repeatable: bool = False
    """Called again with the same input, it finds what it has done already and answers with that: so it may be done later, as a
    job, and again after a crash (`Prefer: respond-async`). One that stores nothing may be so in any case."""
    reads_itself: bool = False
    """Its guide says how a body that does not fit is answered: it is not held against the definition before."""
    makes_job: bool = False
    """It is only ever done later, as a job of its own kind, which asks for each type whether the caller may read it: whoever may
    read something of its may call it (`Context.may`), but for a token that reaches one patient's record only."""
    plain_json: bool = False
    """It takes JSON that is no resource as well."""

    @property
    def code(self) -> str:
        return self.definition.code

    @property
    def affects_state(self) -> bool:
        """Whether more than the audit record is stored."""
        return self.definition.affects_state


JobHandler = Callable[[Resource, Context], Awaitable[None]]
"""Does one durable job given its payload. May be run again after a crash: it must find out what is already done."""
