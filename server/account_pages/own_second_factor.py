"""The page where somebody adds a second factor to their account, gets other recovery codes, or turns it off.

The secret of one that is being added is in the form, sealed: nothing is kept before the person has shown a code of it.
"""

from __future__ import annotations

import segno

from server.account_pages.visitor import Visitor
from server.accounts import totp
from server.accounts.second_factor import added, factor_of, with_recovery_codes
from server.accounts.sign_in import NOT_THE_CODE, SignInRefusedError, check_code, check_password
from server.oauth.authority import ACCOUNT, AUTHORIZE, SECOND_FACTOR
from server.oauth.errors import PageError
from server.oauth.flow import open_flow
from server.oauth.wire import Answer, redirect
from server.store.internal import Drop
from server.store.store import StaleVersionError

QUIET_ZONE = 4
"""Modules around a QR code (ISO/IEC 18004)."""


async def show(visitor: Visitor) -> Answer:
    """Answers `GET /account/second-factor`. `then` is an authorization that goes on afterwards."""
    return await _page(visitor)


async def change(visitor: Visitor) -> Answer:
    """Answers `POST /account/second-factor`."""
    act = {"add": _add, "codes": _codes, "off": _off}.get(visitor.text("do"))
    if act is None:
        raise PageError("The form cannot be read.")
    try:
        await check_password(visitor.authority.own, visitor.account, visitor.given.get("password") or "")
        return await act(visitor)
    except SignInRefusedError as error:
        authority = visitor.authority
        await authority.commit([], authority.note("user-second-factor", 401, error.code, who=visitor.principal))
        return await _page(visitor, str(error), "code" if error.code == "code-refused" else "password")


async def _add(visitor: Visitor) -> Answer:
    authority = visitor.authority
    if not visitor.made.secret:
        raise PageError("The form cannot be read.")
    made = added(authority.own, visitor.account.id, visitor.made.secret, visitor.text("code", 64))
    if made is None:
        raise SignInRefusedError(NOT_THE_CODE, "code-refused")
    kept, codes = made
    try:
        await authority.commit([kept], authority.note("user-second-factor-add", who=visitor.principal))
    except StaleVersionError:  # another page added one
        return redirect(authority.address(SECOND_FACTOR))
    return _recovery_codes(visitor, codes)


async def _codes(visitor: Visitor) -> Answer:
    authority = visitor.authority
    found = await factor_of(authority.own, visitor.account.id)
    if found is None:
        return redirect(authority.address(SECOND_FACTOR))
    kept, codes = with_recovery_codes(authority.own, visitor.account.id, found)
    await authority.commit([kept], authority.note("user-second-factor-codes", who=visitor.principal))
    return _recovery_codes(visitor, codes)


async def _off(visitor: Visitor) -> Answer:
    authority = visitor.authority
    used = await check_code(authority.own, visitor.account, visitor.text("code", 64))
    noted = authority.note("user-second-factor-remove", who=visitor.principal)
    await authority.commit([Drop(used.key, used.version - 1)], noted)
    return redirect(f"{authority.address(ACCOUNT)}?said=factor-off")


async def _page(visitor: Visitor, problem: str = "", field: str = "") -> Answer:
    authority, account = visitor.authority, visitor.account
    found = await factor_of(authority.own, account.id)
    if found is not None:
        left = len(found.value.recovery)
        return visitor.show(
            "second_factor", problem, field=field, left=left, act=visitor.text("do"), account=authority.address(ACCOUNT)
        )
    secret = visitor.made.secret or totp.new_secret()
    size, path = qr_path(totp.address(secret, account.name))
    return visitor.show(
        "second_factor_add",
        problem,
        secret=secret,
        field=field,
        size=size,
        path=path,
        groups=[secret[start : start + 4] for start in range(0, len(secret), 4)],
        then=visitor.given.get("then") or "",
        has_password=bool(account.password),
        person_name=account.name,
    )


def _recovery_codes(visitor: Visitor, codes: list[str]) -> Answer:
    return visitor.show("recovery_codes", codes=codes, on=_on(visitor))


def _on(visitor: Visitor) -> str:
    """Where the person goes now: on with what an app asked, if that is what brought them here."""
    authority, then = visitor.authority, visitor.given.get("then") or ""
    try:
        open_flow(authority.own.tenant, then, authority.seconds())
    except PageError:
        return authority.address(ACCOUNT)
    return f"{authority.address(AUTHORIZE)}?flow={then}"


def qr_path(text: str) -> tuple[int, str]:
    """Of the QR code that holds the text: how many modules its side has, and its dark ones as a path of SVG."""
    matrix = segno.make(text, micro=False, error="m").matrix
    rows = [[bool(module) for module in row] for row in matrix]
    marks = [
        f"M{x + QUIET_ZONE} {y + QUIET_ZONE}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark
    ]
    return len(rows) + 2 * QUIET_ZONE, "".join(marks)
