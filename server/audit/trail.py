"""What the interaction at hand will be recorded as; filled while it runs, encoded when its outcome is known."""

from __future__ import annotations

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
    committed: bool = False
    """Set once the record is part of a commit; the interaction leaves no second one."""

    def note(self, reference: str, patients: tuple[str, ...] = ()) -> None:
        if len(self.entities) < MAX_ENTITIES:
            self.entities.append(reference)
        self.patients.update(patients)

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
            )
        )
