"""What goes with a Subscription that is stored, in the same commit: its check, what the server keeps of it, and a job that begins.

Whoever stores a Subscription through REST or an operation comes here (server/rest/exchange.py), before the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from profiles.json import Resource
from profiles.outcome import refuse
from server.access.access import everything
from server.accounts.account import find
from server.internal import Found, OwnRecords
from server.jobs.asked import asked_by
from server.oauth.client import CLIENTS
from server.outgoing import OutgoingError
from server.repository import Prepared, Version
from server.store.internal import Drop, Keep
from server.store.jobs import NewJob
from server.store.store import StaleVersionError
from server.subscriptions.owner import TYPE, is_anothers, owner_of
from server.subscriptions.records import FEED, FEEDS, SUBSCRIBED, Feed, Subscribed, Wanted
from server.subscriptions.turn import delivery_job
from server.subscriptions.wanted import ends, read_wanted

if TYPE_CHECKING:
    from server.rest.exchange import Exchange

_WORDS: Final = ("requested", "off")


@dataclass(slots=True)
class Beside:
    """What is committed with the versions."""

    internals: list[Keep | Drop] = field(default_factory=list)
    jobs: list[NewJob] = field(default_factory=list)


async def beside(exchange: Exchange, prepared: Sequence[Prepared]) -> Beside:
    """Raises FhirError (422, 429) for a Subscription that cannot be served."""
    found = Beside()
    for item in prepared:
        if item.version.type == TYPE:
            await _beside_one(exchange, item.version, found)
    return found


async def _beside_one(exchange: Exchange, version: Version, made: Beside) -> None:
    own = OwnRecords(exchange.services.store, exchange.tenant, exchange.services.now)
    known = await SUBSCRIBED.read(own, version.id)
    if version.deleted:
        if known is not None:
            made.internals.append(SUBSCRIBED.drop(known))
        return
    resource = version.resource()
    if known is None and (resource.get("status") == "off" or 0 < ends(resource) <= exchange.services.now()):
        return  # kept as any record is, and not served
    if known is None and is_anothers(resource, owner_of(exchange.tenant.index, exchange.principal)):
        text = "A Subscription is first requested by its owner: what is sent is what they may read."
        raise refuse("subscription-status", text, "Subscription.status")
    before = await _before(exchange, version)
    wanted = await _wanted(exchange, resource)
    _check_status(resource, before, known, wanted)
    subscribed = await _subscribed(exchange, own, version, resource, known, wanted)
    if not subscribed.off and (known is None or known.value.off):
        await _check_room(exchange, own)
    if known is None:
        made.internals.append(SUBSCRIBED.add(own, version.id, subscribed))
    else:
        made.internals.append(SUBSCRIBED.change(own, known, subscribed))
    made.jobs.append(delivery_job(exchange.repository, version.id))
    if wanted.until > exchange.services.now():
        made.jobs.append(delivery_job(exchange.repository, version.id, due=wanted.until))


async def _before(exchange: Exchange, version: Version) -> Resource | None:
    """The version before, as it was stored."""
    if version.version == 1:
        return None
    before = await exchange.repository.read_version(everything(TYPE), version.id, version.version - 1)
    return None if before is None or before.deleted else before.resource()


async def _wanted(exchange: Exchange, resource: Resource) -> Wanted:
    """Raises FhirError."""
    request, services = exchange.request, exchange.services
    wanted = read_wanted(resource, exchange.tenant.index, exchange.repository.base_url, request.base.pas_version)
    place = "Subscription.channel.endpoint"
    if wanted.channel == "email" and not (services.settings.smtp and services.settings.smtp_from):
        raise refuse("subscription-channel", "This server sends no e-mail (ASSENT_SMTP).", "Subscription.channel.type")
    if wanted.channel == "rest-hook" and resource.get("status") != "off":
        try:
            await services.outgoing.check(wanted.endpoint)
        except OutgoingError as error:
            raise refuse("subscription-endpoint", str(error), place) from error
    return wanted


def _check_status(resource: Resource, before: Resource | None, known: Found[Subscribed] | None, wanted: Wanted) -> None:
    """A client asks or stops. What the server said last may stay, as long as nothing that it was said of changes."""
    status = resource.get("status")
    if status in _WORDS:
        return
    same = before is not None and known is not None and before.get("status") == status
    if not same or known is None or _reached_by(known.value.wanted) != _reached_by(wanted):
        raise refuse(
            "subscription-status",
            "A Subscription that is new, or changed, is requested; the server makes it active once its endpoint has answered.",
            "Subscription.status",
        )


def _reached_by(wanted: Wanted) -> tuple[object, ...]:
    return wanted.topic, wanted.channel, wanted.endpoint, wanted.filters, wanted.content, wanted.media


async def _subscribed(
    exchange: Exchange,
    own: OwnRecords,
    version: Version,
    resource: Resource,
    known: Found[Subscribed] | None,
    wanted: Wanted,
) -> Subscribed:
    off = resource.get("status") == "off"
    if known is not None:
        asks = resource.get("status") == "requested"
        return msgspec.structs.replace(known.value, wanted=wanted, off=off, round=known.value.round + (1 if asks else 0))
    await _begin_feed(own)
    principal = exchange.principal
    account = await find(own, principal.subject)
    client = await CLIENTS.read(own, principal.client_id)
    return Subscribed(
        version.id,
        wanted,
        asked_by(principal),
        exchange.request.base.url,
        exchange.request.base.pas_version,
        (await own.store.audit_watermark())[1],
        off=off,
        account=account is not None,
        client=client is not None,
    )


async def _begin_feed(own: OwnRecords) -> None:
    """The trail is looked through from here on, unless it is already."""
    if await FEEDS.read(own, FEED) is not None:
        return
    last = (await own.store.audit_watermark())[1]
    try:
        await own.commit([FEEDS.add(own, FEED, Feed(last))])
    except StaleVersionError:  # somebody else's first Subscription
        return


async def _check_room(exchange: Exchange, own: OwnRecords) -> None:
    """Raises FhirError (429)."""
    settings, principal = exchange.services.settings, exchange.principal
    mine = everybodys = 0
    async for found in SUBSCRIBED.all(own):
        everybodys += not found.value.off
        asked = found.value.asked
        same = (asked["client_id"], asked["subject"]) == (principal.client_id, principal.subject)
        mine += same and not found.value.off
    if mine >= settings.subscriptions_per_caller or everybodys >= settings.subscriptions_per_tenant:
        raise refuse(
            "too-many-subscriptions", "There are as many Subscriptions as are allowed: delete those that nobody needs."
        )
