"""Who a caller is for patients' consents: the references that a consent may name, the purpose, and whether the glass is broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from profiles.outcome import refuse
from profiles.reading import child, text
from profiles.references import parse_reference
from server.access.access import everything
from server.access.consent_decision import Asking
from server.access.consent_view import Held
from server.access.purposes import covering
from server.auth.principal import Principal
from server.auth.roles import ROLES
from server.repository import Repository, Version
from server.search.compile import compile_query
from server.search.query import parse_query
from server.search.terms import local_reference
from server.store.algebra import Plan

BREAK_GLASS: Final = "x-assent-break-glass"
"""The header that says why a consent is not heeded this time."""

_LEAST: Final = 10
_MOST: Final = 500
_MOST_ROLES: Final = 100


def glass_reason(principal: Principal, headers: Mapping[str, str]) -> str | None:
    """Why the caller breaks the glass; None where it does not. Raises FhirError: 400 without a reason, 403 without the right."""
    given = headers.get(BREAK_GLASS)
    if given is None:
        return None
    if not any(ROLES[role].breaks_glass for role in principal.roles if role in ROLES):
        raise refuse("forbidden", "No role of the caller may break the glass.", "http.X-Assent-Break-Glass")
    try:
        reason = given.encode("latin-1").decode().strip()  # as an ASGI server hands out header bytes
    except UnicodeError:
        reason = ""
    if not _LEAST <= len(reason) <= _MOST or not reason.isprintable():
        form = f"X-Assent-Break-Glass gives the reason, in {_LEAST} to {_MOST} printable characters."
        raise refuse("break-glass-reason", form, "http.X-Assent-Break-Glass")
    return reason


async def asking_of(principal: Principal, purpose: str, held: Held, repository: Repository) -> Asking:
    """The caller as consents see it. Their organizations and roles are looked up only where a consent might name them."""
    user = local_reference(principal.fhir_user, repository.base_url) if principal.fhir_user is not None else None
    actors = {user} if user is not None else set()
    if user is not None and held.names_organizations:
        actors |= await _roles_of(user, repository)
    own = user.removeprefix("Patient/") if user is not None and user.startswith("Patient/") else None
    return held.asking(actors, covering(purpose), own)


async def _roles_of(user: str, repository: Repository) -> set[str]:
    """The PractitionerRoles of a practitioner, or of the role that a caller acts in; their practitioners and organizations."""
    type_, _, id_ = user.partition("/")
    everywhere = everything("PractitionerRole")
    if type_ == "PractitionerRole":
        version = await repository.read(everywhere, id_)
        found = [version] if version is not None and not version.deleted else []
    elif type_ == "Practitioner":
        query = parse_query("PractitionerRole", (("practitioner", user),))
        compiled = compile_query(query, repository.tenant.index, repository.base_url, everywhere)
        hits = await repository.store.find(Plan(compiled.clauses, compiled.order, limit=_MOST_ROLES))
        records = await repository.store.fetch([hit.rid for hit in hits])
        found = [await repository.whole(repository.open(record, "PractitionerRole")) for record in records.values()]
    else:
        return set()
    return {name for version in found if not version.deleted for name in _named(version, repository.base_url)}


def _named(role: Version, base_url: str) -> set[str]:
    resource = role.resource()
    if resource.get("active") is False:
        return set()
    given = [text(child(resource, name).get("reference")) for name in ("practitioner", "organization")]
    parsed = [parse_reference(local_reference(reference, base_url)) for reference in given if reference is not None]
    return {role.reference, *(found.url for found in parsed if found is not None and found.kind == "relative")}
