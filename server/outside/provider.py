"""An outside OpenID provider that a tenant lets people sign in through, as its administrator set it up. A record of the server's own."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from server.auth.roles import ROLES
from server.internal import Found, Kind, OwnRecords
from server.store.store import StaleVersionError

Method = Literal["client_secret_basic", "client_secret_post", "none"]

METHODS: Final[tuple[Method, ...]] = ("client_secret_basic", "client_secret_post", "none")
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384")
"""Signatures with a private key only: what a client secret, or nothing, could sign is not among them."""

USUAL_ALGORITHMS: Final = ("RS256", "ES256")
PROVIDER_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
MOST_ROLES: Final = 100
MOST_PARAMETERS: Final = 10
_OURS: Final = frozenset(
    {
        "response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method", "prompt", "max_age", "request", "request_uri",
    }
)  # fmt: skip


class ProviderError(Exception):
    """A provider cannot be set up like this; the message is one sentence for whoever asked."""


class Provider(msgspec.Struct, frozen=True, omit_defaults=True):
    """`roles` are pairs of a value of `role_claim` and a role here. `parameters` go along to the provider's page."""

    id: str
    title: str
    """What the button says."""
    issuer: str
    client_id: str
    client_secret: str = ""
    method: Method = "client_secret_basic"
    scope: str = "openid profile email"
    algorithms: tuple[str, ...] = USUAL_ALGORITHMS
    role_claim: str = ""
    """Empty: people sign in to accounts that an administrator linked, and to no others."""
    roles: tuple[tuple[str, str], ...] = ()
    by_email: bool = False
    """Whether somebody new signs in to the one account with their verified e-mail address, and is linked to it."""
    parameters: tuple[tuple[str, str], ...] = ()
    created: int = 0


PROVIDERS: Final = Kind("outside-provider", Provider)


def check(provider: Provider) -> None:
    """Raises ProviderError."""
    if PROVIDER_ID.fullmatch(provider.id) is None:
        raise ProviderError("A provider's name has 1 to 32 small letters, digits and inner hyphens.")
    if not 0 < len(provider.title) <= 60 or not provider.title.isprintable():
        raise ProviderError("The title, which the button shows, has 1 to 60 printable characters.")
    if not _is_issuer(provider.issuer):
        raise ProviderError("The issuer is an address such as https://idp.example.org, without query or fragment.")
    if not 0 < len(provider.client_id) <= 255 or not provider.client_id.isprintable():
        raise ProviderError("The client id is the one that the provider gave: 1 to 255 printable characters.")
    if provider.method not in METHODS or (provider.method == "none") == bool(provider.client_secret):
        raise ProviderError("A client has a secret, or the method none.")
    if "openid" not in provider.scope.split(" "):
        raise ProviderError("The scope has openid.")
    if not provider.algorithms or set(provider.algorithms) - set(ALGORITHMS):
        raise ProviderError(f"The algorithms are some of {', '.join(ALGORITHMS)}.")
    if set(dict(provider.parameters)) & _OURS or len(provider.parameters) > MOST_PARAMETERS:
        raise ProviderError(f"At most {MOST_PARAMETERS} parameters go along, and none that the server sends by itself.")
    _check_roles(provider)


def _check_roles(provider: Provider) -> None:
    if bool(provider.role_claim) != bool(provider.roles) or len(provider.roles) > MOST_ROLES:
        raise ProviderError(f"Roles come with the claim that tells them, {MOST_ROLES} at most.")
    for _, role in provider.roles:
        if role not in ROLES or ROLES[role].own_record_only:
            raise ProviderError("The roles that a provider tells are roles of the server, but not patient.")


def _is_issuer(address: str) -> bool:
    """OpenID Connect Discovery 1.0 section 2."""
    if re.fullmatch(r"https?://[^\s\"<>\\?#]{1,490}", address) is None:
        return False
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False


async def add(own: OwnRecords, provider: Provider, audit: Sequence[bytes] = ()) -> None:
    """Raises ProviderError, also when the name is taken."""
    check(provider)
    try:
        await own.commit([PROVIDERS.add(own, provider.id, provider)], audit)
    except StaleVersionError as error:
        raise ProviderError(f"There is a provider {provider.id} already.") from error


async def remove(own: OwnRecords, found: Found[Provider], audit: Sequence[bytes]) -> None:
    """Nobody signs in through it any more; what was linked stays. Raises StaleVersionError."""
    await own.commit([PROVIDERS.drop(found)], audit)


async def find(own: OwnRecords, id_: str) -> Found[Provider] | None:
    return await PROVIDERS.read(own, id_) if PROVIDER_ID.fullmatch(id_) else None


async def listed(own: OwnRecords) -> AsyncIterator[Provider]:
    async for found in PROVIDERS.all(own):
        yield found.value


async def buttons(own: OwnRecords) -> list[tuple[str, str]]:
    """(name, title) of each, in the order of the titles."""
    return sorted([(provider.id, provider.title) async for provider in listed(own)], key=lambda button: button[1])
