"""People at the server's own pages, for the tests of accounts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from in_process import House
from oauth_app import PASSWORD, Browser, Form, Page, make_account, own

from server.accounts import totp
from server.accounts.account import Account, find
from server.accounts.second_factor import added
from server.audit.log import audit_binding
from server.audit.record import AuditRecord, decode_batch

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SECOND = 1_000_000


class Time:
    """The server's clock, which a test sets ahead."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self.house = house
        self.ahead = 0
        monkeypatch.setattr(
            type(house.services), "now", lambda services: int(services.clock().timestamp() * SECOND) + self.ahead
        )

    def code(self, secret: str = SECRET, steps: int = 0) -> str:
        return totp.code_at(secret, self.house.services.now() // SECOND // totp.STEP + steps)

    def next_step(self, steps: int = 1) -> None:
        self.ahead += steps * totp.STEP * SECOND


async def with_factor(house: House, time: Time, name: str = "dora", **fields: Any) -> tuple[Account, list[str]]:
    """An account with a second factor, and its recovery codes. The code of this moment is used up by it."""
    account = await make_account(house, name, **fields)
    made = added(own(house), account.id, SECRET, time.code())
    assert made is not None
    await own(house).commit([made[0]])
    return account, made[1]


async def at(
    house: House, path: str, name: str = "root", role: str = "administrator", tenant: str = "default"
) -> tuple[Browser, Page]:
    """A page of the server's own, seen by somebody who signs in for it."""
    await make_account(house, name, role, tenant=tenant)
    browser = Browser(house)
    root = house.root if tenant == "default" else f"{house.root}/t/{tenant}"
    page = await browser.go(f"{root}{path}")
    assert "Sign in" in page.title
    return browser, await browser.sign_in(page, name)


def form(page: Page, action: str, button: str = "") -> Form:
    """The form of a page that goes there, and has that button."""
    found = [one for one in page.forms if one.action.endswith(action) and (not button or ("do", button) in one.buttons)]
    assert len(found) == 1, (page.title, action, button, [(one.action, one.buttons) for one in page.forms])
    return found[0]


async def press(browser: Browser, page: Page, action: str, button: str = "", **fields: Any) -> Page:
    found = form(page, action, button)
    return await browser.post(found.action, {**found.fields, **({"do": button} if button else {}), **fields})


def alert(page: Page) -> str:
    match = re.search(r'role="alert"[^>]*>([^<]*)<', page.text)
    return match[1] if match else ""


async def account_of(house: House, id_: str) -> Account:
    found = await find(own(house), id_)
    assert found is not None
    return found.value


async def records(house: House) -> list[AuditRecord]:
    """What is in the audit trail."""
    tenant = own(house).tenant
    batches = await house.services.store.audit_batches(0, 100_000)
    return [
        record for batch in batches for record in decode_batch(tenant.cipher.open(batch.body, audit_binding(1, batch.seq)))
    ]


__all__ = ["PASSWORD", "SECRET", "Time", "account_of", "alert", "at", "form", "press", "records", "with_factor"]
