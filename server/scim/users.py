"""What is done to Users (RFC 7644 section 3): each change is an account's, in one commit with its audit record.

A User that was deleted is not found any more, its name is free, and its id never means another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from server.accounts.account import Account, AccountError, TakenError, add, find, find_by_name, fold_name, found_all
from server.auth.principal import Principal
from server.internal import Found
from server.oauth.administration import remove, rewrite
from server.oauth.authority import Authority
from server.oauth.parameters import parse
from server.oauth.wire import NO_STORE, Answer, json_answer
from server.scim.content import parse_body, read_resource
from server.scim.errors import CONTENT_TYPE, ScimError
from server.scim.patch import patched
from server.scim.query import Query, from_body, from_parameters, list_response, meets, selection_of
from server.scim.schema import CORE, Content
from server.scim.user import Wanted, as_wanted, etag, to_user, wanted
from server.store.store import StaleVersionError

ROOT: Final = "/scim/v2"
TOGETHER: Final = 200
TRIES: Final = 5
"""How often a change that named no version is done again on what somebody else stored meanwhile."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of an administrator. `id` is that of the address, where it has one."""

    authority: Authority
    caller: Principal
    id: str = ""

    @property
    def root(self) -> str:
        return self.authority.address(ROOT)

    def body(self) -> Content:
        """Raises ScimError."""
        return parse_body(self.authority.call.headers.get("content-type", ""), self.authority.call.body)

    def told(self, found: Found[Account]) -> Content:
        return to_user(found, f"{self.root}/Users/{found.value.id}")

    def note(self, activity: str, query: str = "") -> bytes:
        return self.authority.note(activity, who=self.caller, query=query)


def scim_answer(content: Content, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Answer:
    plain = json_answer(content, status)
    return Answer(status, plain.body, CONTENT_TYPE, (*NO_STORE, *headers))


async def create(asked: Asked) -> Answer:
    """POST /Users. Raises ScimError."""
    selection = selection_of(parse(asked.authority.call.query))
    want = _wanted(asked.body())
    new = replace(want.new, password=want.password, active=want.active is not False)
    noted = asked.note("user-add", f"name={fold_name(new.name)}&role={','.join(new.roles)}")
    try:
        account = await add(asked.authority.own, new, [noted])
    except AccountError as error:
        raise _refused(error) from error
    found = await _found(asked, account.id)
    user = asked.told(found)
    return scim_answer(selection.of(user), 201, (("Location", user["meta"]["location"]), ("ETag", etag(found))))


async def read(asked: Asked) -> Answer:
    """GET /Users/{id}. Raises ScimError."""
    selection = selection_of(parse(asked.authority.call.query))
    found = await _found(asked, asked.id)
    await asked.authority.commit([], asked.note("user-read", f"account={found.value.id}"))
    if _names(asked.authority.call.headers.get("if-none-match", ""), found):
        return Answer(304, headers=(*NO_STORE, ("ETag", etag(found))))
    return _answer(asked, found, selection.of)


async def replaced(asked: Asked) -> Answer:
    """PUT /Users/{id}: what is not sent is taken away, but for the password and whether the account is active."""
    content = asked.body()
    return await _change(asked, lambda user: _wanted(content))


async def patch(asked: Asked) -> Answer:
    """PATCH /Users/{id}. Raises ScimError."""
    body = asked.body()
    return await _change(asked, lambda user: wanted(read_resource(patched(user, body))))


async def delete(asked: Asked) -> Answer:
    """DELETE /Users/{id}. Raises ScimError."""
    for _ in range(TRIES):
        found = await _found(asked, asked.id)
        _check_version(asked, found)
        try:
            ended = await remove(asked.authority.own, found, [asked.note("user-remove", f"account={found.value.id}")])
        except StaleVersionError:
            continue
        except AccountError as error:
            raise ScimError(str(error), status=409) from error
        asked.authority.shared.revoked.add(asked.authority.tenant, *ended)
        return Answer(204, headers=NO_STORE)
    raise _too_busy()


async def search(asked: Asked) -> Answer:
    """GET /Users. Raises ScimError."""
    return await _listed(asked, from_parameters(parse(asked.authority.call.query)))


async def search_posted(asked: Asked) -> Answer:
    """POST /Users/.search and POST /.search. Raises ScimError."""
    return await _listed(asked, from_body(asked.body()))


async def _listed(asked: Asked, query: Query) -> Answer:
    own, name = asked.authority.own, query.user_name
    if name is not None:
        known = await find_by_name(own, name)
        accounts = [] if known is None else [known]
    else:
        accounts = list({found.value.id: found async for found in found_all(own)}.values())
    users: list[Content] = []
    for number, found in enumerate(accounts):
        if number % TOGETHER == 0:
            await asyncio.sleep(0)  # others are answered meanwhile
        if meets(query, user := asked.told(found)):
            users.append(user)
    await asked.authority.commit([], asked.note("user-list"))
    return scim_answer(list_response(query, users))


async def _change(asked: Asked, desired: Callable[[Content], Wanted]) -> Answer:
    """Make a User what is desired of it, on whatever version it has by then, unless the client named one."""
    own = asked.authority.own
    selection = selection_of(parse(asked.authority.call.query))
    for _ in range(TRIES):
        found = await _found(asked, asked.id)
        _check_version(asked, found)
        want = desired(asked.told(found))
        value = as_wanted(found.value, want)
        if value == found.value and want.password is None:
            return _answer(asked, found, selection.of)
        try:
            ended = await rewrite(own, found, value, [_noted(asked, found.value, value, want)], want.password)
        except StaleVersionError:
            continue
        except AccountError as error:
            raise _refused(error) from error
        if ended is not None:
            asked.authority.shared.revoked.add(asked.authority.tenant, *ended)
        return _answer(asked, await _found(asked, asked.id), selection.of)
    raise _too_busy()


def _noted(asked: Asked, before: Account, value: Account, want: Wanted) -> bytes:
    query = f"account={before.id}&role={','.join(value.roles)}"
    if want.password is not None:
        query += "&password=changed"
    if before.active != value.active:
        return asked.note("user-reactivate" if value.active else "user-deactivate", query)
    return asked.note("user-modify", query)


def _wanted(content: Content) -> Wanted:
    """What a whole User says. Raises ScimError."""
    user = read_resource(content)
    if CORE.lower() not in [schema.lower() for schema in user.get("schemas", [])]:
        raise ScimError("The schemas name that of a User.", "invalidSyntax")
    return wanted(user)


async def _found(asked: Asked, id_: str) -> Found[Account]:
    found = await find(asked.authority.own, id_) if len(id_) <= 64 else None
    if found is None:
        raise ScimError("There is no such User.", status=404)
    return found


def _answer(asked: Asked, found: Found[Account], selected: Callable[[Content], Content]) -> Answer:
    user = asked.told(found)
    return scim_answer(selected(user), headers=(("ETag", etag(found)), ("Content-Location", user["meta"]["location"])))


def _check_version(asked: Asked, found: Found[Account]) -> None:
    """Raises ScimError (412)."""
    named = asked.authority.call.headers.get("if-match", "")
    if named and not _names(named, found):
        raise ScimError("The User is at another version than the one that If-Match names.", status=412)


def _names(tags: str, found: Found[Account]) -> bool:
    """Whether a list of ETags has that of the account; strong and weak ones count alike (RFC 7644 3.14)."""
    listed = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
    return "*" in listed or etag(found).removeprefix("W/") in listed


def _refused(error: AccountError) -> ScimError:
    if isinstance(error, TakenError):
        return ScimError(str(error), "uniqueness", 409)
    return ScimError(str(error), "invalidValue")


def _too_busy() -> ScimError:
    return ScimError("The User was changed at the same moment: try again.", status=409)
