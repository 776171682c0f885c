"""The list of a tenant's accounts, for administrators: found by a part of the name or address, in pages.

What is looked for is compared with every account: names lie sealed in the store, and a practice has hundreds of people.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from server.account_pages.visitor import Visitor
from server.accounts.account import Account, listed
from server.oauth.authority import ACCOUNTS, INVITE, ONE_ACCOUNT
from server.oauth.wire import Answer

ON_A_PAGE: Final = 25


async def show(visitor: Visitor) -> Answer:
    """Answers `GET /accounts?find=&page=`."""
    authority = visitor.authority
    words = visitor.text("find", 100)
    found = {account.id: account async for account in listed(authority.own) if _fits(account, words)}
    accounts = sorted(found.values(), key=lambda account: (account.display.casefold(), account.name))
    pages = max(1, -(-len(accounts) // ON_A_PAGE))
    text = visitor.text("page", 6)
    number = min(max(1, int(text) if text.isascii() and text.isdigit() else 1), pages)
    shown = accounts[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]
    await authority.commit([], authority.note("user-list", who=visitor.principal))

    def leaf(to: int) -> str:
        return f"{authority.address(ACCOUNTS)}?{urlencode({'find': words, 'page': to})}" if 1 <= to <= pages else ""

    return visitor.show(
        "accounts",
        find=words,
        count=len(accounts),
        number=number,
        pages=pages,
        before=leaf(number - 1),
        after=leaf(number + 1),
        invite=authority.address(INVITE),
        accounts=[
            {
                "address": f"{authority.address(ONE_ACCOUNT)}?{urlencode({'account': account.id})}",
                "display": account.display,
                "name": account.name,
                "roles": ", ".join(account.roles),
                "state": state_of(account),
            }
            for account in shown
        ],
    )


def state_of(account: Account) -> str:
    """In a word or two; empty for an account as any other."""
    if not account.active:
        return "deactivated"
    return "invited" if account.invited else ""


def _fits(account: Account, words: str) -> bool:
    texts = [text.casefold() for text in (account.name, account.display, account.email)]
    return all(any(word in text for text in texts) for word in words.casefold().split())
