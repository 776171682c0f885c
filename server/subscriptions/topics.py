"""The topics that can be subscribed to, and how they are shown: R4 has no SubscriptionTopic, so each is a Basic with R5's elements as extensions.

(FHIR R5 subscriptiontopic.html; versions.html#extensions for elements of another version.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from profiles.json import Resource
from server.subscriptions.names import CHANGED, CREATED, DELETED, PAS_TOPIC, SUBSCRIPTION_PROFILE, TOPIC_CANONICAL, UPDATED

Interaction = Literal["create", "update", "delete"]
Kind = Literal["pas", "resource"]

_R5: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic."
_CODE: Final = {"system": "http://hl7.org/fhir/fhir-types", "code": "SubscriptionTopic"}


@dataclass(frozen=True, slots=True)
class Topic:
    """`kind` says how its events are found; `filters` what a subscription may be narrowed by."""

    id: str
    url: str
    kind: Kind
    title: str
    description: str
    resource: str
    interactions: frozenset[Interaction]
    filters: tuple[str, ...]
    version: str = "1.0.0"


def _resource_topic(id_: str, url: str, title: str, interactions: frozenset[Interaction]) -> Topic:
    return Topic(
        id_, url, "resource", title,
        "Any resource of the types that the filters name (Observation, or Observation?code=...). Searches with several filters for a "
        "type must all match: what was stored, or for a deletion what was there.",
        "Resource", interactions, ("Type?search",),
    )  # fmt: skip


TOPICS: Final[Mapping[str, Topic]] = {
    topic.url: topic
    for topic in (
        Topic(
            "pas-result", PAS_TOPIC, "pas", "The answer to a prior authorization request changed",
            "Da Vinci PAS: a ClaimResponse got a new version after the first answer, also where it stays pended. For the system that "
            "sent the request.",
            "ClaimResponse", frozenset({"update"}), ("org-identifier",), "2.2.1",
        ),
        _resource_topic("resource-changed", CHANGED, "A resource changed", frozenset({"create", "update", "delete"})),
        _resource_topic("resource-created", CREATED, "A resource was created", frozenset({"create"})),
        _resource_topic("resource-updated", UPDATED, "A resource was updated", frozenset({"update"})),
        _resource_topic("resource-deleted", DELETED, "A resource was deleted", frozenset({"delete"})),
    )
}  # fmt: skip


def as_basic(topic: Topic) -> Resource:
    """The topic in R4."""
    trigger = [
        {"url": "description", "valueMarkdown": topic.title},
        {"url": "resource", "valueUri": topic.resource},
        *({"url": "supportedInteraction", "valueCode": each} for each in sorted(topic.interactions)),
    ]
    filters = [
        {
            "url": f"{_R5}canFilterBy",
            "extension": [{"url": "resource", "valueUri": topic.resource}, {"url": "filterParameter", "valueString": name}],
        }
        for name in topic.filters
    ]
    return {
        "resourceType": "Basic",
        "id": topic.id,
        "modifierExtension": [{"url": f"{_R5}status", "valueCode": "active"}],
        "extension": [
            {"url": f"{_R5}url", "valueUri": topic.url},
            {"url": f"{_R5}version", "valueString": topic.version},
            {"url": f"{_R5}title", "valueString": topic.title},
            {"url": f"{_R5}description", "valueMarkdown": topic.description},
            {"url": f"{_R5}resourceTrigger", "extension": trigger},
            *filters,
        ],
        "code": {"coding": [_CODE]},
    }


def subscription_claims() -> Resource:
    """What the CapabilityStatement says of Subscription beside its interactions."""
    return {
        "extension": [{"url": TOPIC_CANONICAL, "valueCanonical": url} for url in TOPICS],
        "supportedProfile": [SUBSCRIPTION_PROFILE],
        "documentation": "A Subscription is requested, becomes active once its endpoint has taken the handshake, and is reached by its "
        "owner and by administrators. Channels: rest-hook, websocket, and email where the server has a mail server; answers of "
        "payers by rest-hook with full-resource alone.",
    }
