"""The content behind a signed download link: given without a token, recorded under the name of whoever made the link.

Whatever is wrong with a link (no link, changed, ended, its Binary deleted) is answered alike, so that the answer tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from profiles.outcome import FhirError, refuse
from server.access.access import Access, Part, everything
from server.access.asking import asking_of
from server.access.consent_view import ConsentView
from server.access.purposes import USUAL
from server.audit.trail import Trail
from server.auth.principal import Principal
from server.auth.scopes import ScopeSet
from server.documents.signed_link import OpenedLink, open_link
from server.rates.rates import RateLimitedError
from server.repository import MICROSECOND, DamagedRecordError, Repository, Version
from server.rest.admitted import rate_limited
from server.rest.exchange import Services
from server.rest.interactions.binary_read import asked_part, content_response
from server.rest.response import Response, error_response, internal_error
from server.rest.unavailable import unavailable
from server.seal.tenant_entries import DEFAULT
from server.store.store import Commit, StoreUnavailableError

CLIENT = "signed-link"
"""What the audit record names as the client: no program of the caller's own was let in."""


async def answer_link(
    services: Services, text: str, method: str, headers: Mapping[str, str], request_id: str, address: str
) -> Response:
    """The answer to a GET or HEAD of a link, audited."""
    trail = Trail(request_id, address, interaction="vread", action="R")
    try:
        opened = await open_link(services.keyring, text)
        if opened is None or services.now() >= opened.link.expires * MICROSECOND:
            services.rates.address("bad-links", address)
        try:
            response = await _content(services, opened, trail, method, headers)
        except FhirError as error:
            response = error_response(error)
        except DamagedRecordError as error:
            services.log.failure("damaged record", error, request_id=request_id)
            response = internal_error(request_id)
        tenant = opened.tenant if opened is not None else services.keyring.get(DEFAULT)
        if tenant is not None:
            record = trail.encode(services.now(), response.status, response.refusal)
            await services.commit(Commit(tenant.number, audit=[record]))
    except RateLimitedError as error:  # nothing was looked at, and nothing is recorded
        return error_response(rate_limited(error))
    except StoreUnavailableError as error:
        services.outage.met(services.log, error, request_id)
        return unavailable(error)
    services.outage.over(services.log)
    return response


async def _content(
    services: Services, opened: OpenedLink | None, trail: Trail, method: str, headers: Mapping[str, str]
) -> Response:
    if opened is None:
        raise _no_link()
    tenant, link = opened.tenant, opened.link
    user = link.user or None
    trail.principal = Principal(tenant.name, link.maker, CLIENT, frozenset(), ScopeSet(), "", link.expires, fhir_user=user)
    repository = Repository(services.store, tenant, services.base_url(tenant), services.clock)
    trail.note(f"Binary/{link.id}/_history/{link.version}")
    if services.now() >= link.expires * MICROSECOND:
        raise _no_link()
    version = await _version(repository, await _access(services, trail.principal, repository), link.id, link.version)
    trail.patients.update(version.patients)
    resource = version.resource()
    response = await content_response(
        services.store.blobs, tenant.number, version, resource, asked_part(method, headers, version)
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers.pop(
        "X-Security-Context", None
    )  # whoever holds a link is to have the content, and not whose record it lies in
    return response


async def _access(services: Services, maker: Principal, repository: Repository) -> Access:
    """The maker was let in by scope and role; what a consent hides from them since, for payment, is not given any more."""
    held = await services.consents.held(repository)
    if held.is_silent:
        return everything("Binary")
    asking = await asking_of(maker, USUAL, held, repository)
    return Access("Binary", (Part(),), ConsentView(held, asking, services.now()))


async def _version(repository: Repository, access: Access, id_: str, number: int) -> Version:
    """Raises FhirError (403) where there is none, and also when the Binary was deleted or hidden since."""
    current = await repository.read(access, id_)
    version = await repository.read_version(access, id_, number)
    if current is None or current.deleted or version is None or version.deleted:
        raise _no_link()
    return version


def _no_link() -> FhirError:
    return refuse("link", "This link is not good, or not any more: ask for a new one.", "http.url")
