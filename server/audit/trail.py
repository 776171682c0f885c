"""What the interaction at hand will be recorded as; filled while it runs, encoded when its outcome is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from server.audit.record import AuditRecord, encode
from server.auth.principal import Principal

MAX_ENTITIES = 1000


@dataclass(slots=True)
class Trail:
    """Mutable on purpose: it belongs to one request (or one job) and ends as one record."""

    request_id: str
    address: str = ""
    interaction: str = "unknown"
    action: str = "E"
    principal: Principal | None = None
    actor: str = ""
    """Who acts when there is no principal: a job of the server itself."""
    query: str = ""
    purpose: str = ""
    reason: str = ""
    """Why the caller breaks the glass."""
    entities: list[str] = field(default_factory=list)
    patients: set[str] = field(default_factory=set)
    written: tuple[int, int] = (0, 0)
    """Place and number of the entities that the commit at hand stores."""
    committed: bool = False
    """Set once the record is part of a commit; the interaction leaves no second one."""

    def tell(self, text: str) -> None:
        """What else there is to say of it; in the place of what was asked for in words."""
        self.query = text[:4000]

    def note(self, reference: str, patients: tuple[str, ...] = ()) -> None:
        if len(self.entities) < MAX_ENTITIES:
            self.entities.append(reference)
        self.patients.update(patients)

    def note_written(self, versions: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        """What the commit at hand stores, as (reference with its version, patients): all of it, however much that is."""
        self.written = (len(self.entities), len(versions))
        self.entities.extend(reference for reference, _ in versions)
        for _, patients in versions:
            self.patients.update(patients)

    def forget_written(self) -> None:
        """The commit was refused."""
        first, count = self.written
        if count:
            del self.entities[first:]
        self.written = (0, 0)

    def encode(self, recorded: int, status: int, refusal: str = "") -> bytes:
        principal = self.principal
        return encode(
            AuditRecord(
                recorded,
                self.interaction,
                self.action,
                status,
                self.request_id,
                principal.subject if principal else self.actor,
                principal.client_id if principal else "",
                tuple(sorted(principal.roles)) if principal else (),
                (principal.fhir_user or "") if principal else "",
                self.address,
                tuple(self.entities),
                tuple(sorted(self.patients)),
                self.query,
                refusal,
                self.purpose,
                self.reason,
                self.written,
            )
        )
