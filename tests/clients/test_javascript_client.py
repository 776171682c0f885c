"""SMART's JavaScript client (npm fhirclient) in a real browser: a standalone and an EHR launch against the running program.

The app is on another origin than the server, so that all it asks for passes CORS; the person works on our own pages, by typing and
clicking.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import httpx
import pytest
from browser_app import served
from chromium import Chromium, Page, chromium
from javascript_client import NotToBeHadError, script
from live_server import LiveServer
from people import PATIENT, doctor, make_client, make_person
from tokens import bearer

pytestmark = pytest.mark.slow

APP = "browser-app"
PERSON = "browser-person"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    program = chromium()
    if program is None:
        pytest.skip("NOT TESTED: no Chromium is on this machine, in which SMART's JavaScript client would be tried")
    browser = Chromium(program, tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    try:
        source = script()
    except NotToBeHadError as error:
        pytest.skip(f"NOT TESTED: {error}")
    with served(source) as address:
        yield address


@pytest.fixture(scope="module")
def password(live_server: LiveServer, origin: str) -> str:
    make_client(live_server, APP, "public", "--name", "Browser App", "--redirect-uri", f"{origin}/app")
    return make_person(live_server, PERSON)


def sign_in(page: Page, password: str) -> None:
    page.title("Sign in")
    page.type("#name", PERSON)
    page.type("#password", password)
    page.click("button.main")


def allow(page: Page) -> dict[str, object]:
    page.title("Allow access")
    assert page.value("document.querySelectorAll('input[type=checkbox]:checked').length") == 5
    page.click("button[value=allow]")
    told: dict[str, object] = page.until("window.told")
    assert "error" not in told, (told, page.complaints())
    return told


def checked(told: dict[str, object], server: LiveServer) -> None:
    """What the app read with its tokens, before and after it refreshed them."""
    assert (told["patient"], told["again"]) == (PATIENT, PATIENT)
    assert told["refreshed"] is True
    assert told["user"] == "Practitioner"
    assert str(told["fhirUser"]).endswith(doctor(server))
    assert told["observations"]
    assert {str(each).rpartition("/")[2] for each in told["observations"]} == {PATIENT}
    assert told["other"] == 1


def test_a_standalone_launch(live_server: LiveServer, browser: Chromium, origin: str, password: str) -> None:
    page = browser.page()
    page.go(f"{origin}/launch?{urlencode({'iss': live_server.base, 'client': APP})}")
    sign_in(page, password)
    page.title("Choose a patient")
    given = live_server.client("doctor").get(f"/Patient/{PATIENT}").json()
    page.type("#name", given["name"][0]["family"])
    page.click("button[value=search]")
    page.click(f"button[value={PATIENT}]")
    told = allow(page)
    checked(told, live_server)
    assert set(str(told["granted"]).split()) == {"launch/patient", "openid", "fhirUser", "offline_access", "patient/*.rs"}
    assert page.complaints() == []


def test_an_ehr_launch(live_server: LiveServer, browser: Chromium, origin: str, password: str) -> None:
    context = {
        "patient": PATIENT, "encounter": f"{PATIENT}-encounter-1", "client_id": APP,
        "fhirContext": [{"reference": f"Encounter/{PATIENT}-encounter-1", "role": "https://example.org/role"}],
    }  # fmt: skip
    headers = bearer(live_server.token("doctor", subject="the-ehr"))
    launch = httpx.post(f"{live_server.root}/oauth/launch", json=context, headers=headers, timeout=60).json()
    page = browser.page()
    page.go(f"{origin}/launch?{urlencode({'iss': launch['iss'], 'launch': launch['launch'], 'client': APP})}")
    sign_in(page, password)  # and no patient is asked for
    told = allow(page)
    checked(told, live_server)
    assert told["encounter"] == context["encounter"]
    assert told["context"] == context["fhirContext"]
    assert page.complaints() == []
