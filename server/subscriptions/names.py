"""Addresses of the Subscriptions R5 Backport guide 1.1 for R4, and of the topics that are known here."""

from __future__ import annotations

from typing import Final

BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/"
_SD: Final = f"{BACKPORT}StructureDefinition/"

SUBSCRIPTION_PROFILE: Final = f"{_SD}backport-subscription"
NOTIFICATION_PROFILE: Final = f"{_SD}backport-subscription-notification-r4"
STATUS_PROFILE: Final = f"{_SD}backport-subscription-status-r4"
FILTER: Final = f"{_SD}backport-filter-criteria"
CONTENT: Final = f"{_SD}backport-payload-content"
HEARTBEAT: Final = f"{_SD}backport-heartbeat-period"
TIMEOUT: Final = f"{_SD}backport-timeout"
MAX_COUNT: Final = f"{_SD}backport-max-count"
CHANNEL_TYPE: Final = f"{_SD}backport-channel-type"
TOPIC_CANONICAL: Final = f"{_SD}capabilitystatement-subscriptiontopic-canonical"
STATUS_OPERATION: Final = f"{BACKPORT}OperationDefinition/backport-subscription-status"
EVENTS_OPERATION: Final = f"{BACKPORT}OperationDefinition/backport-subscription-events"
TOKEN_OPERATION: Final = f"{BACKPORT}OperationDefinition/backport-subscription-get-ws-binding-token"

OWN: Final = "https://assent.example/fhir/"
SUBSCRIBER: Final = f"{OWN}CodeSystem/subscriber"
"""A tag on each Subscription that tells whose it is: a keyed hash of client and subject."""

PAS_TOPIC: Final = "http://hl7.org/fhir/us/davinci-pas/SubscriptionTopic/PASSubscriptionTopic"
CHANGED: Final = f"{OWN}SubscriptionTopic/resource-changed"
CREATED: Final = f"{OWN}SubscriptionTopic/resource-created"
UPDATED: Final = f"{OWN}SubscriptionTopic/resource-updated"
DELETED: Final = f"{OWN}SubscriptionTopic/resource-deleted"
