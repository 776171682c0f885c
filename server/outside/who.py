"""Whose account an outside identity signs in to: the linked one, or, where the administrator switched it on, one found or made.

Linked by issuer and subject alone, which mean one person for ever (OpenID Connect Core 1.0 section 5.7). Whoever is neither linked nor
given a role by the provider does not sign in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import msgspec

from server.accounts.account import (
    NAME,
    Account,
    AccountError,
    NewAccount,
    TakenError,
    add,
    find_by_identity,
    fold_name,
    found_all,
)
from server.accounts.person import EMAIL, LONGEST, LONGEST_EMAIL, Identity, addresses
from server.auth.roles import ROLES
from server.internal import Found
from server.oauth.administration import end_sessions, rewrite
from server.oauth.authority import Authority
from server.outside.provider import Provider
from server.outside.remote import OutsideError
from server.store.store import StaleVersionError

TRIES: Final = 3


async def account_of(authority: Authority, provider: Provider, claims: dict[str, Any]) -> Account:
    """The account of whoever the checked claims are about. Raises OutsideError for somebody who may not sign in."""
    for _ in range(TRIES):
        try:
            return await _account(authority, provider, claims)
        except (StaleVersionError, TakenError):  # somebody else linked, made or changed it at this moment
            continue
        except AccountError as error:
            raise OutsideError("outside-account") from error
    raise OutsideError("outside-account")


async def _account(authority: Authority, provider: Provider, claims: dict[str, Any]) -> Account:
    own, identity = authority.own, Identity(provider.issuer, claims["sub"])
    roles = roles_told(provider, claims)
    found = await find_by_identity(own, identity)
    if found is None and provider.by_email and (found := await _by_email(authority, identity, claims)) is not None:
        linked = msgspec.structs.replace(found.value, identities=(*found.value.identities, identity))
        await rewrite(own, found, linked, [_noted(authority, provider, "user-link", found.value)])
        return linked
    if found is None:
        if not roles:
            raise OutsideError("outside-nobody")
        return await _made(authority, provider, identity, claims, roles)
    if not found.value.active:
        raise OutsideError("outside-deactivated")
    return found.value if found.value.provider != provider.id else await _with_roles(authority, provider, found, roles)


def roles_told(provider: Provider, claims: dict[str, Any]) -> tuple[str, ...]:
    """Roles here, for what the provider's claim says: a text or several; a name with full stops may lead into objects."""
    value: Any = claims.get(provider.role_claim)
    if value is None:
        value = claims
        for part in provider.role_claim.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    told = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(role for said, role in provider.roles if said in told and role in ROLES))


async def _with_roles(authority: Authority, provider: Provider, found: Found[Account], roles: tuple[str, ...]) -> Account:
    """An account that a provider's word made has the roles of the provider's word; without any, what it had ends."""
    if not roles:
        ended = await end_sessions(authority.own, found, [_noted(authority, provider, "user-end-sessions", found.value)])
        authority.shared.revoked.add(authority.tenant, *ended)
        raise OutsideError("outside-no-role")
    if roles == found.value.roles:
        return found.value
    value = msgspec.structs.replace(found.value, roles=roles)
    changed = await rewrite(authority.own, found, value, [_noted(authority, provider, "user-modify", value)])
    if changed is not None:
        authority.shared.revoked.add(authority.tenant, *changed)
    return value


async def _by_email(authority: Authority, identity: Identity, claims: dict[str, Any]) -> Found[Account] | None:
    """The one account with the address that the provider verified. Raises OutsideError where it is not plainly theirs."""
    email = _verified_email(claims).casefold()
    if not email:
        return None
    having = {
        found.value.id: found
        async for found in found_all(authority.own)
        if any(known.value.casefold() == email for known in addresses(found.value.email, found.value.emails))
    }
    if not having:
        return None
    (first, *others) = having.values()
    linked = any(known.issuer == identity.issuer for known in first.value.identities)
    if others or linked or not first.value.active or first.value.invited:
        raise OutsideError("outside-email")
    return first


def _verified_email(claims: dict[str, Any]) -> str:
    email = claims.get("email")
    good = isinstance(email, str) and len(email) <= LONGEST_EMAIL and EMAIL.fullmatch(email) is not None
    return str(email) if good and claims.get("email_verified") is True else ""


async def _made(
    authority: Authority, provider: Provider, identity: Identity, claims: dict[str, Any], roles: tuple[str, ...]
) -> Account:
    """A new account. Its name is not one that somebody here may have been meant by: it ends with the provider's."""
    own = authority.own
    said, shown = claims.get("preferred_username"), claims.get("name")
    named = fold_name(f"{said}@{provider.id}") if isinstance(said, str) else ""
    plain = f"{provider.id}-{own.tenant.index.unique_key(('outside-name', identity.issuer, identity.subject)).hex()[:12]}"
    display = shown.strip() if isinstance(shown, str) and len(shown) <= LONGEST and shown.isprintable() else ""
    new = NewAccount(
        plain, roles, display or plain, email=_verified_email(claims), identities=(identity,), provider=provider.id
    )
    audit = [authority.note("user-add", actor=provider.id, query=f"provider={provider.id}&role={','.join(roles)}")]
    if NAME.fullmatch(named):
        try:
            return await add(own, replace(new, name=named), audit)
        except TakenError:
            pass
    return await add(own, new, audit)


def _noted(authority: Authority, provider: Provider, activity: str, account: Account) -> bytes:
    query = f"account={account.id}&role={','.join(account.roles)}&provider={provider.id}"
    return authority.note(activity, actor=account.name, query=query)
