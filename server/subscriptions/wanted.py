"""Reads a Subscription: what it asks for, or what is wrong with it (backport-subscription 1.1; PAS profile-subscription, spec-54 to -62).

Nothing is passed over: a filter or channel that is not understood would make another subscription of it.
"""

from __future__ import annotations

import re
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from profiles.json import Json, Resource
from profiles.outcome import FhirError, refuse
from profiles.reading import child, extensions, objects, text, whole
from profiles.structure import resource_types
from profiles.text import instant_range
from server.access.access import everything
from server.accounts.person import EMAIL
from server.rest.request import media_type, parse_pairs
from server.seal.blind_index import BlindIndex
from server.search.criteria import Criteria, compile_criteria, percent_encoded, placed
from server.subscriptions.names import CHANGED, CONTENT, FILTER, HEARTBEAT, MAX_COUNT, TIMEOUT
from server.subscriptions.records import Channel, Content, Wanted
from server.subscriptions.topics import TOPICS, Topic

MEDIA: Final = ("application/fhir+json", "application/json", "application/fhir+xml", "application/xml")
MOST_FILTERS: Final = 20
MOST_HEADERS: Final = 20
LONGEST: Final = 2000
"""Characters of an endpoint, or of a header."""

SHORTEST_HEARTBEAT: Final = 10
LONGEST_HEARTBEAT: Final = 7 * 24 * 3600
LONGEST_TIMEOUT: Final = 30
MOST_EVENTS: Final = 100

_HEADER: Final = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}): ?([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)")
_OURS: Final = frozenset(
    {"host", "content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive", "te",
     "trailer", "upgrade", "expect", "accept", "accept-encoding", "proxy-authorization", "proxy-connection", "x-forwarded-for",
     "x-forwarded-host", "x-forwarded-proto", "forwarded", "via"}
)  # fmt: skip
"""Headers that belong to the connection, or that a proxy on the way would believe."""

_PLAIN: Final = re.compile(r"[A-Z][A-Za-z]{1,63}(?:\?\S+)?")
"""Criteria as R4 itself has them, a search: a filter of the topic of all changes (subscription.html)."""

_ORGANIZATION: Final = re.compile(r"org-?identifier=(\S+)", re.IGNORECASE)

Pas = Literal["2.2.1", "2.0.1"]


def read_wanted(resource: Resource, index: BlindIndex, base_url: str, pas: Pas) -> Wanted:
    """Raises FhirError (422; 400 for a search that cannot be read)."""
    criteria = text(resource.get("criteria")) or ""
    plain = _PLAIN.fullmatch(criteria) is not None
    topic = TOPICS.get(CHANGED if plain else criteria)
    if topic is None:
        known = ", ".join(sorted(TOPICS))
        raise refuse("subscription-topic", f"The criteria are the address of a topic: {known}.", "Subscription.criteria")
    given = child(resource, "channel")
    content = _content(given, plain)
    channel = _channel(given)
    media = media_type(text(given.get("payload")) or (MEDIA[0] if plain else ""))
    if media not in MEDIA:
        raise refuse("subscription-payload", f"The payload is one of {', '.join(MEDIA)}.", "Subscription.channel.payload")
    if topic.kind == "pas":
        _check_pas(channel, content, pas)
    wanted = Wanted(
        topic.url,
        channel,
        content,
        media,
        _endpoint(given, channel),
        (*(_search(criteria) if plain else ()), *_filters(resource, topic, needed=not plain)),
        _headers(given),
        _number(given, HEARTBEAT, "valueUnsignedInt", 0, SHORTEST_HEARTBEAT, LONGEST_HEARTBEAT),
        _number(given, TIMEOUT, "valueUnsignedInt", 10, 1, LONGEST_TIMEOUT),
        _number(given, MAX_COUNT, "valuePositiveInt", 1, 1, MOST_EVENTS),
        ends(resource),
    )
    if topic.kind == "resource":
        for type_, query in wanted.filters:
            criteria_of(type_, query, index, base_url)
    return wanted


def criteria_of(type_: str, query: str, index: BlindIndex, base_url: str) -> Criteria | None:
    """A filter, compiled; None where the type alone is asked for. Raises FhirError."""
    if not query:
        return None
    try:
        found = compile_criteria(
            type_, parse_pairs(percent_encoded(query).encode("ascii")), index, base_url, everything(type_)
        )
    except FhirError as error:
        raise placed(error, _FILTER_PLACE) from error
    if found.wide.links:
        raise refuse("subscription-filter", "A filter asks the resource itself, and not what it points at.", _FILTER_PLACE)
    return found


_FILTER_PLACE: Final = "Subscription.criteria.extension"


def _channel(given: Resource) -> Channel:
    named = text(given.get("type"))
    for channel in get_args(Channel):
        if named == channel:
            known: Channel = channel
            return known
    raise refuse(
        "subscription-channel", f"The channel is one of {', '.join(get_args(Channel))}.", "Subscription.channel.type"
    )


def _content(given: Resource, plain: bool) -> Content:
    found = extensions(given.get("_payload"), CONTENT)
    if plain and not found:
        return "full-resource" if text(given.get("payload")) else "empty"
    named = found[0].get("valueCode") if len(found) == 1 else None
    for content in get_args(Content):
        if named == content:
            known: Content = content
            return known
    text_ = f"The payload says in its extension backport-payload-content, once, one of {', '.join(get_args(Content))}."
    raise refuse("subscription-payload", text_, "Subscription.channel.payload.extension")


def _check_pas(channel: Channel, content: Content, pas: Pas) -> None:
    """PAS 2.2.1 spec-56 and -62; 2.0.1 knows id-only as well, for an inquiry that follows."""
    if channel != "rest-hook":
        raise refuse("subscription-channel", "Answers of payers are sent by rest-hook alone.", "Subscription.channel.type")
    allowed = ("full-resource",) if pas == "2.2.1" else ("full-resource", "id-only")
    if content not in allowed:
        text_ = f"Answers of payers are sent as {' or '.join(allowed)}."
        raise refuse("subscription-payload", text_, "Subscription.channel.payload.extension")


def _filters(resource: Resource, topic: Topic, *, needed: bool) -> tuple[tuple[str, str], ...]:
    given = objects(child(resource, "_criteria").get("extension"))
    if any(each.get("url") != FILTER for each in given):
        raise refuse(
            "subscription-filter",
            f"The criteria have an extension that is none of ours; filters are {FILTER}.",
            _FILTER_PLACE,
        )
    if len(given) > MOST_FILTERS:
        raise refuse("subscription-filter", f"A subscription has at most {MOST_FILTERS} filters.", _FILTER_PLACE)
    read = _organizations if topic.kind == "pas" else _search
    filters = tuple(pair for each in given for pair in read(each.get("valueString")))
    if topic.kind == "resource" and not filters and needed:
        text_ = (
            "Say in a filter which resources: a type, such as Observation, or a search of one, such as Observation?code=..."
        )
        raise refuse("subscription-filter", text_, _FILTER_PLACE)
    return filters


def _organizations(value: Json) -> list[tuple[str, str]]:
    found = _ORGANIZATION.fullmatch(value) if isinstance(value, str) else None
    named = [each for each in found[1].split(",") if each] if found is not None else []
    if not named:
        text_ = "The filter of this topic is org-identifier=, followed by identifiers with commas between."
        raise refuse("subscription-filter", text_, _FILTER_PLACE)
    return [("", each) for each in named]


def _search(value: Json) -> list[tuple[str, str]]:
    type_, mark, query = value.partition("?") if isinstance(value, str) else ("", "", "")
    if (mark and not query) or type_ not in resource_types() - _NOT_TOLD:
        text_ = "A filter is a type of resource, alone or followed by a question mark and a search; not AuditEvent, nor Subscription."
        raise refuse("subscription-filter", text_, _FILTER_PLACE)
    return [(type_, query)]


_NOT_TOLD: Final = frozenset({"AuditEvent", "Subscription"})
"""What the server itself writes when it tells of something, so that it would have to tell of that."""


def _endpoint(given: Resource, channel: Channel) -> str:
    """As it is written; who stands behind it is looked at elsewhere (server/subscriptions/stored.py)."""
    if channel == "websocket":
        return ""
    address = text(given.get("endpoint")) or ""
    if channel == "email":
        if not address.startswith("mailto:") or EMAIL.fullmatch(address.removeprefix("mailto:")) is None:
            raise _unusable("The endpoint of an e-mail channel is mailto: and one address.")
        return address
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.username is None
        _ = parts.port
    except ValueError:
        usable = False
    if not usable or len(address) > LONGEST or not address.isascii() or not address.isprintable():
        raise _unusable("The endpoint of a rest-hook is an address of https.")
    return address


def _unusable(text_: str) -> FhirError:
    return refuse("subscription-endpoint", text_, "Subscription.channel.endpoint")


def _headers(given: Resource) -> tuple[tuple[str, str], ...]:
    lines = given.get("header")
    lines = lines if isinstance(lines, list) else []
    headers: list[tuple[str, str]] = []
    for line in lines:
        found = _HEADER.fullmatch(line) if isinstance(line, str) and len(line) <= LONGEST else None
        if found is None or found[1].lower() in _OURS or len(headers) >= MOST_HEADERS:
            text_ = f"A header is written Name: value; there are at most {MOST_HEADERS}, and none that belongs to the connection."
            raise refuse("subscription-channel", text_, "Subscription.channel.header")
        headers.append((found[1], found[2]))
    return tuple(headers)


def _number(given: Resource, url: str, name: str, default: int, least: int, most: int) -> int:
    found = extensions(given, url)
    if not found:
        return default
    value = whole(found[0].get(name))
    if value is None or len(found) > 1 or not least <= value <= most:
        what = url.rpartition("/")[2]
        raise refuse("subscription-channel", f"{what} is from {least} to {most}.", "Subscription.channel.extension")
    return value


def ends(resource: Resource) -> int:
    """When it ends, in microseconds; 0 where it does not say."""
    end = text(resource.get("end"))
    span = instant_range(end) if end is not None else None
    return span[1] if span is not None else 0
