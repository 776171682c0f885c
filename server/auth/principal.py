"""The caller, as a verified token describes them. Later parts (SMART launch, consent) fill the same slots."""

from __future__ import annotations

from dataclasses import dataclass, field

from server.auth.scopes import ScopeSet


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, for which tenant, with which roles and scopes. Times are whole seconds since 1970 (UTC).

    `patient` and `encounter` are ids of the launch context; `fhir_user` is a reference such as `Practitioner/1`.
    """

    tenant: str
    subject: str
    client_id: str
    roles: frozenset[str]
    scopes: ScopeSet
    token_id: str
    expires: int
    fhir_user: str | None = None
    patient: str | None = None
    encounter: str | None = None
    purposes: tuple[str, ...] | None = None
    """The purposes of use (v3 PurposeOfUse) that the token is good for; None where it names none."""
    issued_at: int = 0
    moment: int = 0
    """`issued_at` to the microsecond."""
    issuer: str = field(default="", compare=False)
