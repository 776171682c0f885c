"""The pages in a real browser, as wide as a phone, with the keyboard alone and without scripts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from live_server import CHECKOUT, LiveServer
from phone import WIDTH, Chromium, Phone, chromium

from server.accounts import totp

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="there is no chromium: the pages are not tried in a real browser"),
]

PASSWORD = "four grey geese asleep"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("pages") / "data", ASSENT_SAMPLE="0")
    server.start()
    subprocess.run(
        [sys.executable, "-m", "server.cli", "user", "add", "root", "--role", "administrator", "--display", "Ruth Root"],
        cwd=CHECKOUT, env={**os.environ, "ASSENT_DATA": str(server.data)}, input=f"{PASSWORD}\n".encode(), check=True, timeout=120,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    yield server
    server.stop()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    found = chromium()
    assert found is not None
    browser = Chromium(found, tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def browser(program: Chromium) -> Phone:
    return Phone(program)


def sign_in(browser: Phone, server: LiveServer, name: str, password: str, title: str) -> None:
    browser.go(f"{server.root}/account", "Sign in")
    browser.starts_at("name")  # it is where one begins
    browser.type(name)
    browser.press("Tab")
    assert browser.focused() == "password"
    browser.type(password)
    browser.press("Enter")
    browser.wait_for(title)


def check_layout(browser: Phone) -> None:
    """Nothing is wider than the phone (WCAG 1.4.10), and what is to be hit is large enough (2.5.8)."""
    assert browser.call("Page.getLayoutMetrics")["cssContentSize"]["width"] == WIDTH
    small = browser.value(
        "[...document.querySelectorAll('button, input:not([type=hidden]):not([hidden]), select, nav a, a.main, a.row')]"
        ".map(e => [e, e.getBoundingClientRect()]).filter(([e, r]) => r.width < 24 || r.height < 24)"
        ".map(([e, r]) => e.outerHTML + r.width + 'x' + r.height)"
    )
    assert small == []


def check_focus(browser: Phone) -> None:
    """Tab reaches everything that can be acted on, in the order of the page, shows where it is, and comes out at the end."""
    whole = browser.value(
        "[...document.querySelectorAll('a[href], button, input:not([type=hidden]):not([hidden]), select')].map(e => e.outerHTML)"
    )
    browser.value("document.activeElement.blur(), window.getSelection().removeAllRanges(), document.body.focus()")
    seen: list[str] = []
    for _ in range(3 * len(whole) + 5):
        browser.press("Tab")
        at, outline = browser.value(
            "(e => [e.outerHTML, parseFloat(getComputedStyle(e).outlineWidth)])(document.activeElement)"
        )
        if at not in whole:  # it left the page
            continue
        assert outline >= 2, at
        if at in seen:
            break
        seen.append(at)
    turned = whole.index(seen[0])
    assert seen == whole[turned:] + whole[:turned]


def test_somebody_adds_a_second_factor_and_signs_in_with_it(server: LiveServer, browser: Phone) -> None:
    sign_in(browser, server, "root", PASSWORD, "Your account")
    check_layout(browser)
    check_focus(browser)
    browser.tab_to("Add a second factor")
    browser.press("Enter")
    browser.wait_for("Add a second factor")
    check_layout(browser)
    check_focus(browser)
    side, modules = browser.value(
        "(e => [e.getBoundingClientRect().width, e.viewBox.baseVal.width])(document.querySelector('svg'))"
    )
    assert side == 5 * modules  # each of a whole number of points: it can be photographed from a screen
    key = str(browser.value("document.querySelector('.key').innerText")).replace(" ", "")
    browser.tab_to("code")
    now = int(time.time()) // totp.STEP
    browser.type(totp.code_at(key, now))
    browser.tab_to("password")
    browser.type("wrong")
    browser.press("Enter")
    browser.wait_for("Error: Add a second factor")
    browser.starts_at("password")  # where the mistake is
    assert (
        browser.value("document.getElementById(document.activeElement.getAttribute('aria-describedby')).innerText")
        == "The password is not right."
    )
    check_layout(browser)
    browser.type(PASSWORD)
    browser.tab_to("code")
    now = int(time.time()) // totp.STEP
    browser.type(totp.code_at(key, now))
    browser.press("Enter")
    browser.wait_for("Your recovery codes")
    check_layout(browser)
    code = str(browser.value("document.querySelector('.codes li').innerText"))
    browser.tab_to("I have kept them")
    browser.press("Enter")
    browser.wait_for("Your account")
    browser.tab_to("Sign out")
    browser.press("Enter")
    browser.wait_for("Sign in")
    sign_in(browser, server, "root", PASSWORD, "Second factor")
    browser.starts_at("code")
    check_layout(browser)
    check_focus(browser)
    browser.value("document.querySelector('#code').focus()")
    browser.type(code)
    browser.press("Enter")
    browser.wait_for("Your account")
    browser.tab_to("Change the second factor")
    browser.press("Enter")
    browser.wait_for("Second factor")
    check_layout(browser)
    browser.press("Tab")
    browser.value("document.querySelectorAll('[name=password]')[1].focus()")
    browser.type(PASSWORD)
    browser.tab_to("code")
    browser.type(totp.code_at(key, int(time.time()) // totp.STEP + 1))
    browser.press("Enter")
    browser.wait_for("Your account")
    browser.says("The second factor is off.")


def test_an_administrator_invites_somebody_who_signs_in(server: LiveServer, program: Chromium, browser: Phone) -> None:
    sign_in(browser, server, "root", PASSWORD, "Your account")
    browser.tab_to("Accounts")
    browser.press("Enter")
    browser.wait_for("Accounts")
    check_layout(browser)
    check_focus(browser)
    browser.tab_to("Invite somebody")
    browser.press("Enter")
    browser.wait_for("Invite somebody")
    check_layout(browser)
    browser.tab_to("name")
    browser.type("nell.with.a.rather.long.name@hospital-of-the-north.example")
    browser.press("Enter")
    browser.wait_for("Error: Invite somebody")  # without a role
    check_layout(browser)
    browser.tab_to("display")
    browser.type("Nell Nurse")
    browser.tab_to("role")
    browser.press("Tab")
    browser.press(" ")  # the second: doctor
    browser.tab_to("specialty")
    browser.press("ArrowDown")
    browser.tab_to("Invite")
    browser.press("Enter")
    browser.wait_for("The link")
    check_layout(browser)
    browser.starts_at("INPUT")
    link = str(browser.value("document.activeElement.value"))
    browser.tab_to("To the account")
    browser.press("Enter")
    browser.wait_for("Nell Nurse")
    check_layout(browser)
    check_focus(browser)
    theirs = Phone(program)
    theirs.go(link, "Choose a password")
    check_layout(theirs)
    check_focus(theirs)
    theirs.value("document.querySelector('#password').focus()")
    theirs.type("seven quiet herons wade")
    theirs.press("Tab")
    theirs.type("seven quiet herons wade")
    theirs.press("Enter")
    theirs.wait_for("Sign in")
    theirs.starts_at("password")  # the name is there
    theirs.type("seven quiet herons wade")
    theirs.press("Enter")
    theirs.wait_for("Your account")
    browser.tab_to("Deactivate")
    browser.press("Enter")
    browser.says("The account is deactivated.")
    theirs.go(f"{server.root}/account", "Sign in")
