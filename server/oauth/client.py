"""Clients: the programs that may ask for tokens, and what each was registered with (RFC 6749 2, RFC 7591 2, SMART App Launch 2.2)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from server.auth.roles import ROLES
from server.auth.scopes import USERS_SCOPE, parse_scopes
from server.internal import Found, Kind, OwnRecords
from server.oauth import redirect_uri
from server.oauth.client_keys import KeySetError, check_key_set
from server.store.store import StaleVersionError

Method = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
GrantType = Literal["authorization_code", "refresh_token", "client_credentials"]

METHODS: Final[tuple[Method, ...]] = ("none", "client_secret_basic", "client_secret_post", "private_key_jwt")
GRANT_TYPES: Final[tuple[GrantType, ...]] = ("authorization_code", "refresh_token", "client_credentials")
CLIENT_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
MOST_ADDRESSES: Final = 20
LONGEST_SCOPE: Final = 4096


class ClientError(Exception):
    """A client cannot be registered like this; the message is one sentence for whoever asked."""

    def __init__(self, text: str, field: str = "") -> None:
        super().__init__(text)
        self.field = field


class Client(msgspec.Struct, frozen=True, omit_defaults=True):
    """`secret` is the SHA-256 of a random one. `scope` are the most that it may have (empty: whatever its user has).

    `roles` are those of a backend service, which has no user.
    """

    id: str
    name: str
    method: Method
    redirect_uris: tuple[str, ...] = ()
    grant_types: tuple[GrantType, ...] = ("authorization_code", "refresh_token")
    scope: str = ""
    roles: tuple[str, ...] = ()
    secret: str = ""
    jwks: dict[str, Any] | None = None
    jwks_uri: str = ""
    launch_uri: str = ""
    created: int = 0
    registered_by: str = ""
    """The subject that registered it; empty for one that registered itself."""

    @property
    def is_public(self) -> bool:
        return self.method == "none"

    def has_secret(self, secret: str) -> bool:
        return bool(self.secret) and hmac.compare_digest(self.secret, secret_digest(secret))


CLIENTS: Final = Kind("client", Client)


def secret_digest(secret: str) -> str:
    """Secrets are random and long: a plain hash of one cannot be turned around."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def check(client: Client) -> None:
    """Raises ClientError, with the field of RFC 7591 that is wrong."""
    if CLIENT_ID.fullmatch(client.id) is None:
        raise ClientError("A client id has letters, digits and . _ -, 128 at most.", "client_id")
    if not client.name or len(client.name) > 200 or not client.name.isprintable():
        raise ClientError("A client has a name of 1 to 200 printable characters.", "client_name")
    if client.method not in METHODS:
        raise ClientError(f"The methods are {', '.join(METHODS)}.", "token_endpoint_auth_method")
    if not client.grant_types or set(client.grant_types) - set(GRANT_TYPES):
        raise ClientError(f"The grant types are {', '.join(GRANT_TYPES)}.", "grant_types")
    _check_addresses(client)
    _check_scope(client)
    _check_keys(client)


def _check_addresses(client: Client) -> None:
    if len(client.redirect_uris) > MOST_ADDRESSES:
        raise ClientError(f"A client has at most {MOST_ADDRESSES} redirect addresses.", "redirect_uris")
    for uri in client.redirect_uris:
        problem = redirect_uri.problem_of(uri)
        if problem is not None:
            raise ClientError(problem, "redirect_uris")
    if "authorization_code" in client.grant_types and not client.redirect_uris:
        raise ClientError("A client that asks people needs a redirect address.", "redirect_uris")
    if client.launch_uri and urlsplit(client.launch_uri).scheme not in {"https", "http"}:
        raise ClientError("The launch address begins with https or http.", "launch_uri")


def _check_scope(client: Client) -> None:
    scopes = parse_scopes(client.scope)
    if scopes.unknown or len(client.scope) > LONGEST_SCOPE:
        raise ClientError("The scopes are those of SMART, separated by spaces.", "scope")
    backend = "client_credentials" in client.grant_types
    services = [scope.reach for scope in scopes.resources if scope.reach == "system"] + list(scopes.others & {USERS_SCOPE})
    if backend and not services:
        raise ClientError("A backend service names the system scopes that it may have.", "scope")
    if backend and (not client.roles or set(client.roles) - set(ROLES)):
        raise ClientError(f"A backend service has one or more of the roles {', '.join(ROLES)}.", "roles")
    if backend and client.method != "private_key_jwt":
        raise ClientError("A backend service proves itself with private_key_jwt.", "token_endpoint_auth_method")


def _check_keys(client: Client) -> None:
    if client.method != "private_key_jwt":
        return
    if bool(client.jwks) == bool(client.jwks_uri):
        raise ClientError("A client with keys has either its keys (jwks) or their address (jwks_uri).", "jwks")
    if client.jwks_uri and urlsplit(client.jwks_uri).scheme not in {"https", "http"}:
        raise ClientError("The address of keys begins with https.", "jwks_uri")
    if client.jwks:
        try:
            check_key_set(client.jwks)
        except KeySetError as error:
            raise ClientError(str(error), "jwks") from error


def with_new_secret(client: Client) -> tuple[Client, str | None]:
    """The client with a secret, where its method has one, and the secret, which nobody can be told again."""
    if client.method not in {"client_secret_basic", "client_secret_post"}:
        return client, None
    secret = secrets.token_urlsafe(32)
    return msgspec.structs.replace(client, secret=secret_digest(secret)), secret


async def add(own: OwnRecords, client: Client, audit: Sequence[bytes] = ()) -> None:
    """Raises ClientError, also when the id is taken."""
    check(client)
    try:
        await own.commit([CLIENTS.add(own, client.id, client)], audit)
    except StaleVersionError as error:
        raise ClientError(f"There is a client {client.id} already.", "client_id") from error


async def find(own: OwnRecords, id_: str) -> Found[Client] | None:
    return await CLIENTS.read(own, id_) if CLIENT_ID.fullmatch(id_) else None


async def listed(own: OwnRecords) -> AsyncIterator[Client]:
    async for found in CLIENTS.all(own):
        yield found.value
