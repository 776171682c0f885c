"""An account as a directory rewrites it (SCIM): its name and outside identities too, which other records must agree with.

Everything goes into one commit. Tokens and sessions are the caller's matter (server/oauth/administration.py).
"""

from __future__ import annotations

import msgspec

from server.accounts.account import ACCOUNTS, NAMES, Account, NameTaken, check, fold_name
from server.accounts.administrators import check_others
from server.accounts.person import LINKS, Identity, Linked, link_id
from server.accounts.second_factor import FACTORS, factor_of
from server.internal import Found, OwnRecords
from server.store.internal import Drop, Keep


async def rewritten(own: OwnRecords, found: Found[Account], value: Account) -> list[Keep | Drop]:
    """The changes that make the account `value`: itself, its name, its links. Raises AccountError.

    The commit raises StaleVersionError when the account was changed meanwhile, or the name or an identity is taken
    (`account.taken` tells which).
    """
    before = found.value
    value = msgspec.structs.replace(value, name=fold_name(value.name), roles=tuple(dict.fromkeys(value.roles)))
    check(value)
    changes: list[Keep | Drop] = [ACCOUNTS.change(own, found, value), *await _links(own, before, value.identities)]
    if value.name != before.name:
        changes += [*await _name_given_up(own, before), NAMES.add(own, value.name, NameTaken(before.id))]
    return [*changes, *await check_others(own, before, value)]


async def removed(own: OwnRecords, found: Found[Account]) -> list[Keep | Drop]:
    """The changes that take an account away: its name is free, and what is left says only whom its id meant. As `rewritten`."""
    before = found.value
    left = Account(
        before.id, before.name, before.display, (), active=False, created=before.created,
        signed_out_before=own.now(), removed=own.now(),
    )  # fmt: skip
    factor = await factor_of(own, before.id)
    return [
        ACCOUNTS.change(own, found, left),
        *([FACTORS.drop(factor)] if factor is not None else []),
        *await _name_given_up(own, before),
        *await _links(own, before, ()),
        *await check_others(own, before, left),
    ]


async def _name_given_up(own: OwnRecords, before: Account) -> list[Drop]:
    known = await NAMES.read(own, before.name)
    return [NAMES.drop(known)] if known is not None and known.value.account == before.id else []


async def _links(own: OwnRecords, before: Account, after: tuple[Identity, ...]) -> list[Keep | Drop]:
    gone = [await LINKS.read(own, link_id(identity)) for identity in before.identities if identity not in after]
    new = [identity for identity in after if identity not in before.identities]
    return [
        *(LINKS.drop(known) for known in gone if known is not None),
        *(LINKS.add(own, link_id(identity), Linked(before.id)) for identity in new),
    ]
