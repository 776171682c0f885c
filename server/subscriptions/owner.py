"""Whose a Subscription is: a tag that the server sets when it is created, and that every later version keeps.

Only its owner and administrators reach it (PAS spec-59; its headers may hold secrets). The tag is a keyed hash of client and subject,
so that the access filter of searches and reads needs nothing but a search parameter (`access_filter`).
"""

from __future__ import annotations

from typing import Final

from profiles.json import Resource
from profiles.reading import objects
from server.auth.principal import Principal
from server.auth.scopes import Filter
from server.seal.blind_index import BlindIndex
from server.subscriptions.names import SUBSCRIBER

TYPE: Final = "Subscription"
ADMINISTRATOR: Final = "administrator"


def owner_of(index: BlindIndex, principal: Principal) -> str:
    """What the tag says of a subscriber."""
    return index.unique_key(("subscriber", principal.client_id, principal.subject)).hex()


def is_anothers(resource: Resource, owner: str) -> bool:
    """Whether its tag names somebody else."""
    return any(tag.get("system") == SUBSCRIBER and tag.get("code") != owner for tag in _tags(resource))


def owned(resource: Resource, before: Resource | None, owner: str) -> Resource:
    """A Subscription with the tag of its first version; a new one is the owner's. What a caller says of it counts for nothing."""
    kept = before if before is not None else {"meta": {"tag": [{"system": SUBSCRIBER, "code": owner}] if owner else []}}
    own = [tag for tag in _tags(kept) if tag.get("system") == SUBSCRIBER]
    others = [tag for tag in _tags(resource) if tag.get("system") != SUBSCRIBER]
    if not own and len(others) == len(_tags(resource)):
        return resource
    meta = resource.get("meta")
    return {**resource, "meta": {**(meta if isinstance(meta, dict) else {}), "tag": [*others, *own]}}


def access_filter(type_: str, principal: Principal, index: BlindIndex) -> Filter:
    """The search parameters that limit what a caller reaches of a type; none for most."""
    if type_ != TYPE or ADMINISTRATOR in principal.roles:
        return ()
    return (("_tag", f"{SUBSCRIBER}|{owner_of(index, principal)}"),)


def _tags(resource: Resource) -> list[Resource]:
    meta = resource.get("meta")
    return objects(meta.get("tag")) if isinstance(meta, dict) else []
