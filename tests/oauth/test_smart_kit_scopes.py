"""Launches by kind of client, and what scopes open, as the groups of the kits that use SMART try them: limited app, public launch,
confidential clients of both kinds, scopes of versions 1 and 2, granular scopes.
"""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from in_process import House
from key_client import JWKS, assertion, claims, signed
from oauth_app import App, Browser, make_client, sent_to

pytestmark = pytest.mark.asyncio(loop_scope="module")

CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
OBSERVED = "http://terminology.hl7.org/CodeSystem/observation-category"
TYPES = ("Patient", "Observation", "Condition", "Encounter", "Procedure", "MedicationRequest")


def condition(id_: str, category: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition", "id": id_, "subject": {"reference": "Patient/p1"}, "category": [{"coding": [{"system": CATEGORY, "code": category}]}],
        "code": {"text": "x"},
    }  # fmt: skip


def observation(id_: str, category: str) -> dict[str, Any]:
    coded = [{"coding": [{"system": OBSERVED, "code": category}]}]
    return {
        "resourceType": "Observation", "id": id_, "status": "final", "subject": {"reference": "Patient/p1"}, "category": coded, "code": {"text": "x"},
    }  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(shared_house: House) -> House:
    async with shared_house.client() as client:
        for resource in (
            condition("problem", "problem-list-item"), condition("met", "encounter-diagnosis"),
            observation("lab", "laboratory"), observation("vital", "vital-signs"),
        ):  # fmt: skip
            assert (await client.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)).is_success
    return shared_house


async def statuses(app: App, token: str) -> dict[str, int]:
    return {
        type_: (await app.get(f"/{type_}?patient=p1" if type_ != "Patient" else "/Patient/p1", token)).status_code
        for type_ in TYPES
    }


async def found(app: App, token: str, query: str) -> list[str]:
    answer = await app.get(f"/{query}", token)
    assert answer.status_code == 200, answer.text
    return sorted(entry["resource"]["id"] for entry in answer.json().get("entry", ()))


async def test_smart_limited_app(house: House) -> None:
    """The person leaves some of what is asked for; all else is refused, whatever the app asked."""
    scopes = [f"patient/{type_}.rs" for type_ in TYPES]
    app, browser = App(house, scope=" ".join(["launch/patient", "openid", *scopes])), Browser(house)
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    page = await browser.choose(await browser.sign_in(page), "p1")
    page = await browser.allow(
        page, only=["launch/patient", "patient/Patient.rs", "patient/Condition.rs", "patient/Observation.rs"]
    )
    tokens = (await app.redeem(sent_to(page)["code"])).json()
    assert set(tokens["scope"].split()) == {
        "launch/patient",
        "patient/Patient.rs",
        "patient/Condition.rs",
        "patient/Observation.rs",
    }
    assert "id_token" not in tokens
    seen = await statuses(app, tokens["access_token"])
    assert seen == {
        "Patient": 200, "Observation": 200, "Condition": 200, "Encounter": 403, "Procedure": 403, "MedicationRequest": 403,
    }  # fmt: skip


async def test_smart_public_launch(house: House) -> None:
    """Without a secret: the challenge alone ties the code to the app, and one that another app began is worth nothing."""
    app = App(house, scope="launch/patient openid fhirUser offline_access patient/*.rs")
    code = await app.code()
    await make_client(house, "another-public")
    assert (await app.with_(id="another-public").redeem(code)).json()["error"] == "invalid_grant"
    assert (await app.redeem(code, code_verifier=None)).json()["error"] == "invalid_request"
    tokens = (await app.redeem(code)).json()
    assert set((await statuses(app, tokens["access_token"])).values()) == {200}


async def test_smart_confidential_symmetric_launch(house: House) -> None:
    secret = await make_client(house, "symmetric", method="client_secret_basic")
    app = App(house, "symmetric", secret=secret)
    assert (await app.with_(secret=None).redeem(await app.code())).json()["error"] == "invalid_client"
    tokens = await app.tokens()
    assert (await app.refresh(tokens["refresh_token"])).status_code == 200


async def test_smart_confidential_asymmetric_launch(house: House) -> None:
    await make_client(house, "asymmetric", method="private_key_jwt", jwks=JWKS)
    app = App(house, "asymmetric")

    def proof() -> dict[str, str]:
        return assertion(signed(claims("asymmetric")))

    assert (await app.redeem(await app.code())).json()["error"] == "invalid_client"
    tokens = (await app.redeem(await app.code(), **proof())).json()
    assert (await app.refresh(tokens["refresh_token"])).json()["error"] == "invalid_client"
    assert (await app.refresh(tokens["refresh_token"], **proof())).status_code == 200


@pytest.mark.parametrize(
    ("scope", "read", "search", "create"),
    [
        ("patient/Observation.read", 200, 200, 403), ("patient/Observation.write", 403, 403, 201), ("patient/Observation.*", 200, 200, 201),
        ("patient/*.read", 200, 200, 403), ("patient/Observation.r", 200, 403, 403), ("patient/Observation.s", 403, 200, 403),
        ("patient/Observation.c", 403, 403, 201), ("patient/Observation.rs", 200, 200, 403), ("patient/Observation.crus", 200, 200, 201),
        ("patient/Condition.rs", 403, 403, 403),
    ],
)  # fmt: skip
async def test_smart_v1_and_v2_scopes(house: House, scope: str, read: int, search: int, create: int) -> None:
    app = App(house, scope=f"launch/patient {scope}")
    token = (await app.tokens())["access_token"]
    assert (await app.get("/Observation/lab", token)).status_code == read
    assert (await app.get("/Observation?patient=p1", token)).status_code == search
    async with house.client(None) as client:
        body = {name: value for name, value in observation("x", "laboratory").items() if name != "id"}
        answer = await client.post("/Observation", json=body, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == create
        if create == 201:
            async with house.client() as everybody:
                assert (
                    await everybody.delete(f"/Observation/{answer.headers['location'].split('/')[-3]}")
                ).status_code == 204


@pytest.mark.parametrize(
    "scope",
    ["patient/Observation.sr", "patient/Observation.", "patient/Observation.rr", "patient/observation.rs", "Patient/Observation.rs", "patient/Observation", "patient/Nothing.rs", "patient/Observation.reads", "patient/Observation.rs?"],
)  # fmt: skip
async def test_scopes_of_the_wrong_form_are_not_granted(house: House, scope: str) -> None:
    app = App(house, scope=f"launch/patient patient/Patient.r {scope}")
    tokens = await app.tokens()
    assert set(tokens["scope"].split()) == {"launch/patient", "patient/Patient.r"}
    assert (await app.get("/Observation/lab", tokens["access_token"])).status_code == 403


GRANULAR = {
    "Condition": (f"patient/Condition.rs?category={CATEGORY}|problem-list-item", ["problem"], "met"),
    "Observation": (f"patient/Observation.rs?category={OBSERVED}|vital-signs", ["vital"], "lab"),
}


@pytest.mark.parametrize("type_", list(GRANULAR))
async def test_smart_granular_scopes(house: House, type_: str) -> None:
    """Granted as asked, told to the person, said in the answer, enforced; and still so after a refresh."""
    scope, seen, hidden = GRANULAR[type_]
    app, browser = App(house, scope=f"launch/patient offline_access {scope}"), Browser(house)
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    page = await browser.choose(await browser.sign_in(page), "p1")
    assert scope in page.text
    tokens = (await app.redeem(sent_to(await browser.allow(page))["code"])).json()
    for answer in (tokens, (await app.refresh(tokens["refresh_token"])).json()):
        assert scope in answer["scope"].split()
        token = answer["access_token"]
        assert await found(app, token, f"{type_}?patient=p1") == seen
        assert (await app.get(f"/{type_}/{seen[0]}", token)).status_code == 200
        assert (await app.get(f"/{type_}/{hidden}", token)).status_code == 404
