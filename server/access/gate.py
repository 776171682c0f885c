"""What one caller may reach, letter by letter and type by type: each question is answered with an `Access`, or refused.

Roles and scopes say which parts of a type (server/auth/decision.py), patients' consents what is left of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from server.access.access import Access, Consented, Part, Restriction, everything
from server.access.disclosure import ConsentedDisclosure
from server.access.granular import restriction_of
from server.auth.bearer import forbidden
from server.auth.decision import Decision, Letter, decide
from server.auth.principal import Principal
from server.seal.blind_index import BlindIndex
from server.search.catalogue import present
from server.subscriptions.owner import access_filter

MAX_REMEMBERED: Final = 50_000


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision, and the parts of the type that it opens."""

    decision: Decision
    parts: tuple[Part, ...] = ()


class Judgements:
    """Judgements remembered for each token: a token's claims never change, and what a tenant's own search parameters mean has an edition.

    One to a server.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, Letter, str, bytes], Judgement] = {}

    def of(self, principal: Principal, letter: Letter, type_: str, index: BlindIndex, base_url: str) -> Judgement:
        key = (principal.token_id, base_url, letter, type_, present().edition)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            found = self._known[key] = judge(principal, letter, type_, index, base_url)
        return found


def judge(principal: Principal, letter: Letter, type_: str, index: BlindIndex, base_url: str) -> Judgement:
    """A scope whose search parameters the type does not have opens nothing of it."""
    decision = decide(principal, letter, type_, filters_enforced=True)
    parts: list[Part] = []
    own = access_filter(type_, principal, index)
    for way in decision.ways if decision.granted else ():
        if not way.filter and not own:
            parts.append(Part(way.compartment))
        elif (restriction := restriction_of(type_, (*way.filter, *own), index, base_url)) is not None:
            parts.append(Part(way.compartment, restriction))
    if decision.granted and not parts:
        text = "The token's scopes are limited by search parameters that this type of resource does not have."
        return Judgement(Decision(False, text))
    return Judgement(decision, tuple(parts))


class Gate(Protocol):
    """Asked before anything is fetched or stored."""

    @property
    def disclosure(self) -> ConsentedDisclosure | None:
        """What consents say of sending records to others; None where they say nothing."""

    def access(self, letter: Letter, type_: str) -> Access:
        """Raises FhirError (403) when the caller may not do this to the type at all."""

    def access_if_any(self, letter: Letter, type_: str) -> Access | None:
        """As `access`; None when the caller may not do it at all."""

    def unrestricted(self, letter: Letter, type_: str) -> Access:
        """As `access`, by scopes without search parameters alone: for what is not done to a part of a type's records."""

    def part(self, type_: str, compartment: str | None, *, consented: bool) -> Access:
        """What an operation may read for itself, where the right to call it is what was granted: of one patient, or of anybody."""


@dataclass(frozen=True, slots=True)
class CallersGate:
    """A caller with a token. `consents`: None where no consent of the tenant says anything."""

    principal: Principal
    index: BlindIndex
    base_url: str
    judgements: Judgements
    consents: Consented | None = None
    disclosure: ConsentedDisclosure | None = None

    def access(self, letter: Letter, type_: str) -> Access:
        found = self._judged(letter, type_)
        if not found.decision.granted:
            raise forbidden(found.decision)
        return Access(type_, found.parts, self._heeded(type_))

    def access_if_any(self, letter: Letter, type_: str) -> Access | None:
        found = self._judged(letter, type_)
        return Access(type_, found.parts, self._heeded(type_)) if found.decision.granted else None

    def unrestricted(self, letter: Letter, type_: str) -> Access:
        decision = decide(self.principal, letter, type_)
        if not decision.granted:
            raise forbidden(decision)
        parts = tuple(Part(way.compartment, self._own(type_)) for way in decision.ways)
        return Access(type_, parts, self._heeded(type_))

    def _own(self, type_: str) -> Restriction | None:
        """What of the type is the caller's own, where nothing else of it is reached."""
        own = access_filter(type_, self.principal, self.index)
        return restriction_of(type_, own, self.index, self.base_url) if own else None

    def _judged(self, letter: Letter, type_: str) -> Judgement:
        return self.judgements.of(self.principal, letter, type_, self.index, self.base_url)

    def part(self, type_: str, compartment: str | None, *, consented: bool) -> Access:
        return Access(type_, (Part(compartment, self._own(type_)),), self._heeded(type_) if consented else None)

    def _heeded(self, type_: str) -> Consented | None:
        """Consents that hide nothing of a type cost nothing there."""
        return self.consents if self.consents is not None and self.consents.hides_some(type_) else None


@dataclass(frozen=True, slots=True)
class ServersGate:
    """The server itself, doing what nobody asked for at this moment (a job, the sample practice)."""

    disclosure: ConsentedDisclosure | None = None

    def access(self, letter: Letter, type_: str) -> Access:
        return everything(type_)

    def access_if_any(self, letter: Letter, type_: str) -> Access | None:
        return everything(type_)

    def unrestricted(self, letter: Letter, type_: str) -> Access:
        return everything(type_)

    def part(self, type_: str, compartment: str | None, *, consented: bool) -> Access:
        return everything(type_)
