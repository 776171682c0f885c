"""Users over SCIM (RFC 7644 section 3): made, read, replaced, changed, removed, and who may do so."""

from __future__ import annotations

from typing import Any

import pytest
from in_process import House, running_house
from oauth_app import App, Browser, make_client, own, sent_to
from scim_help import EXT, PASSWORD, Directory, patch_op, refusal, user

from server.accounts.account import ACCOUNTS, find, find_by_name
from server.accounts.demo import demo_accounts

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHOLE: dict[str, Any] = {
    "externalId": "d-1",
    "name": {"givenName": "Berta", "familyName": "Ash", "honorificPrefix": "Dr."},
    "displayName": "Berta Ash",
    "userType": "Employee",
    "active": True,
    "emails": [{"value": "b@example.org", "type": "work", "primary": True}, {"value": "b@home.example", "type": "home"}],
    "roles": [{"value": "doctor"}, {"value": "staff"}],
    EXT: {
        "fhirUser": "Practitioner/berta",
        "specialty": "pediatric-allergy",
        "identities": [{"issuer": "https://idp.example", "subject": "u-1"}],
    },
}


async def test_a_user_lives_and_ends(shared_house: House) -> None:
    directory = Directory(shared_house)
    made = await directory.ask("POST", "/Users", user("Berta", **WHOLE, password=PASSWORD))
    assert made.status_code == 201, made.text
    told = made.json()
    location = f"{directory.root}/Users/{told['id']}"
    assert (made.headers["location"], made.headers["etag"]) == (location, 'W/"1"')
    assert made.headers["cache-control"] == "no-store"
    assert told.items() >= {**WHOLE, "userName": "berta"}.items()
    assert told["meta"].items() >= {"resourceType": "User", "location": location, "version": 'W/"1"'}.items()
    assert "password" not in told
    assert PASSWORD not in made.text
    read = await directory.ask("GET", f"/Users/{told['id']}")
    assert read.json() == told
    fewer = await directory.ask("PUT", f"/Users/{told['id']}", user("berta", displayName="B", active=True))
    assert fewer.status_code == 200
    assert fewer.headers["etag"] == 'W/"2"'
    assert fewer.json().keys() == {"schemas", "id", "userName", "displayName", "active", "roles", "meta"}
    account = await find_by_name(own(shared_house), "berta")
    assert account is not None
    assert account.value.password.startswith("$argon2id")
    assert (await directory.ask("DELETE", f"/Users/{told['id']}")).status_code == 204
    for method, body in (("GET", None), ("PUT", user("berta")), ("PATCH", patch_op()), ("DELETE", None)):
        assert refusal(await directory.ask(method, f"/Users/{told['id']}", body)) == (404, ""), method
    assert "berta" not in await directory.names()
    again = await directory.make("berta", **WHOLE)  # the name and the identity are free
    assert again["id"] != told["id"]


async def test_a_name_or_an_identity_is_one_accounts_whatever_its_case(shared_house: House) -> None:
    directory = Directory(shared_house)
    identity = [{"issuer": "https://idp.example", "subject": "u-2"}]
    first = await directory.make("cara", **{EXT: {"identities": identity}})
    assert refusal(await directory.ask("POST", "/Users", user("CARA"))) == (409, "uniqueness")
    taken = user("cora", **{EXT: {"identities": identity}})
    assert refusal(await directory.ask("POST", "/Users", taken)) == (409, "uniqueness")
    other = await directory.make("carl")
    assert refusal(await directory.ask("PUT", f"/Users/{other['id']}", user("Cara"))) == (409, "uniqueness")
    linking = patch_op({"op": "add", "path": f"{EXT}:identities", "value": identity})
    assert refusal(await directory.ask("PATCH", f"/Users/{other['id']}", linking)) == (409, "uniqueness")
    renamed = await directory.ask("PUT", f"/Users/{first['id']}", user("Carola"))
    assert (renamed.status_code, renamed.json()["userName"]) == (200, "carola")
    await directory.make("cara", **{EXT: {"identities": identity}})


async def test_versions(shared_house: House) -> None:
    directory = Directory(shared_house)
    made = await directory.make("dina")
    path = f"/Users/{made['id']}"
    same = await directory.ask("GET", path, headers={"If-None-Match": 'W/"1"'})
    assert (same.status_code, same.content) == (304, b"")
    for method, body in (
        ("PUT", user("dina", displayName="D")),
        ("PATCH", patch_op({"op": "add", "path": "userType", "value": "x"})),
        ("DELETE", None),
    ):
        stale = await directory.ask(method, path, body, headers={"If-Match": 'W/"7"'})
        assert refusal(stale) == (412, ""), method
    changed = await directory.ask("PUT", path, user("dina", displayName="D"), headers={"If-Match": 'W/"1"'})
    assert changed.headers["etag"] == 'W/"2"'
    nothing_new = await directory.ask("PUT", path, user("dina", displayName="D"), headers={"If-Match": '"3", W/"2"'})
    assert nothing_new.headers["etag"] == 'W/"2"'
    assert (await directory.ask("DELETE", path, headers={"If-Match": "*"})).status_code == 204


BAD: list[tuple[Any, tuple[int, str]]] = [
    ([], (400, "invalidSyntax")),
    ({}, (400, "invalidSyntax")),
    ({"schemas": ["urn:other"], "userName": "x"}, (400, "invalidSyntax")),
    (user(""), (400, "invalidValue")),
    (user("a b"), (400, "invalidValue")),
    (user("x" * 200), (400, "invalidValue")),
    (user("fay", userName=7), (400, "invalidValue")),
    (user("fay", roles=None), (400, "invalidValue")),
    (user("fay", roles=[]), (400, "invalidValue")),
    (user("fay", roles=[{"value": "boss"}]), (400, "invalidValue")),
    (user("fay", roles=[{"display": "x"}]), (400, "invalidValue")),
    (user("fay", roles=[7]), (400, "invalidValue")),
    (user("fay", roles=[{"value": "patient"}]), (400, "invalidValue")),
    (user("fay", active="perhaps"), (400, "invalidValue")),
    (user("fay", name="Fay"), (400, "invalidValue")),
    (user("fay", name={"givenName": ["F"]}), (400, "invalidValue")),
    (user("fay", displayName="a\u0000b"), (400, "invalidValue")),
    (user("fay", userType="x" * 201), (400, "invalidValue")),
    (user("fay", emails=[{"value": "nobody"}]), (400, "invalidValue")),
    (user("fay", emails=[{"value": f"a{n}@example.org"} for n in range(30)]), (400, "invalidValue")),
    (user("fay", emails=[{"value": "a@example.org"}] * 200), (400, "invalidValue")),
    (user("fay", emails=[{"value": "a@b.example", "primary": True}, {"value": "c@b.example", "primary": True}]), (400, "invalidValue")),
    (user("fay", password="short"), (400, "invalidValue")),
    (user("fay", password="fayfayfayfayfayfay"), (400, "invalidValue")),
    (user("fay", **{EXT: []}), (400, "invalidSyntax")),
    (user("fay", **{EXT: {"fhirUser": "https://x.example/Practitioner/1"}}), (400, "invalidValue")),
    (user("fay", **{EXT: {"fhirUser": "Claim/1"}}), (400, "invalidValue")),
    (user("fay", **{EXT: {"specialty": "magic"}}), (400, "invalidValue")),
    (user("fay", **{EXT: {"identities": [{"issuer": "https://idp.example"}]}}), (400, "invalidValue")),
    (user("fay", **{EXT: {"identities": [{"issuer": "idp", "subject": "1"}]}}), (400, "invalidValue")),
    (user("fay", UserName="fay"), (400, "invalidSyntax")),
]  # fmt: skip


@pytest.mark.parametrize(("body", "error"), BAD, ids=range(len(BAD)))
async def test_what_is_no_user_is_refused_and_not_kept(shared_house: House, body: Any, error: tuple[int, str]) -> None:
    answer = await Directory(shared_house).ask("POST", "/Users", body)
    assert refusal(answer) == error
    assert await find_by_name(own(shared_house), "fay") is None


async def test_a_refusal_repeats_nothing_that_was_sent(shared_house: House) -> None:
    answer = await Directory(shared_house).ask(
        "POST", "/Users", user("fay", displayName="Zyzzyva\u0000", password="Zyzzyva")
    )
    assert "Zyzzyva" not in answer.text
    assert not any(b"Zyzzyva" in line for line in shared_house.log)


async def test_bodies_that_are_none(shared_house: House) -> None:
    directory = Directory(shared_house)
    assert refusal(await directory.ask("POST", "/Users", user(), headers={"Content-Type": "text/plain"})) == (415, "")
    async with shared_house.client(None) as client:
        headers = {"Authorization": f"Bearer {directory._token}", "Content-Type": "application/scim+json"}
        for body, status in ((b"{", 400), (b"\xff", 400), (b"[" * 5000, 400), (b" " * 200_000, 413)):
            answer = await client.post(f"{directory.root}/Users", content=body, headers=headers)
            assert refusal(answer) == (status, "invalidSyntax")


async def test_only_administrators_whose_token_is_for_this(shared_house: House) -> None:
    made = await Directory(shared_house).make("gus")
    paths = [("GET", "/Users"), ("POST", "/Users"), ("GET", f"/Users/{made['id']}"), ("GET", "/Users/nobody"), ("DELETE", f"/Users/{made['id']}"),
             ("POST", "/.search"), ("GET", "/ServiceProviderConfig"), ("GET", "/nothing")]  # fmt: skip
    callers: list[tuple[int, dict[str, Any]]] = [
        (403, {"role": "doctor"}),
        (403, {"role": "auditor"}),
        (403, {"scope": "user/*.cruds system/*.cruds"}),
        (401, {"tenant": "north"}),
    ]
    for status, token in callers:
        asker = Directory(shared_house, **token)
        asker.root = f"{shared_house.root}/scim/v2"
        answers = [await asker.ask(*path) for path in paths]
        assert {answer.status_code for answer in answers} == {status}
        assert len({answer.text for answer in answers}) == 1, "nothing tells what there is"
        assert 'Bearer realm="assent"' in answers[0].headers["www-authenticate"]
    nobody = [await Directory(shared_house).ask(*path, headers={"Authorization": ""}) for path in paths]
    assert {refusal(answer) for answer in nobody} == {(401, "")}


async def test_a_tenant_that_is_not_there_answers_like_one_that_is(shared_house: House) -> None:
    await shared_house.services.keyring.make("south")
    told = []
    for tenant in ("south", "nowhere"):
        asker = Directory(shared_house)
        asker.root = f"{shared_house.root}/t/{tenant}/scim/v2"
        told.append(
            [
                (answer.status_code, answer.text)
                for answer in (
                    await asker.ask("GET", "/Users"),
                    await asker.ask("GET", "/Users", headers={"Authorization": ""}),
                )
            ]
        )
    assert told[0] == told[1]


async def test_tenants_have_users_of_their_own(shared_house: House) -> None:
    await shared_house.services.keyring.make("north")
    north, here = Directory(shared_house, "north"), Directory(shared_house)
    made = await here.make("hal")
    assert await north.names('userName eq "hal"') == []
    assert (await north.ask("GET", f"/Users/{made['id']}")).status_code == 404
    assert (await north.make("hal"))["id"] != made["id"]
    assert (await north.ask("DELETE", f"/Users/{made['id']}")).status_code == 404


async def test_who_is_deactivated_or_given_other_roles_loses_what_they_had(shared_house: House) -> None:
    await make_client(shared_house, "tool")
    directory = Directory(shared_house)
    made = await directory.make("ivo", password=PASSWORD, roles=[{"value": "doctor"}])
    app = App(shared_house, "tool", scope="openid offline_access user/*.cruds")

    async def tokens() -> dict[str, Any]:
        browser = Browser(shared_house)
        page = await browser.sign_in(await browser.go(f"{app.issuer}/oauth/authorize", **app.request()), "ivo", PASSWORD)
        return dict((await app.redeem(sent_to(await browser.allow(page))["code"])).json())

    async def works(token: str) -> bool:
        return (await app.get("/Patient", token)).status_code == 200

    first = await tokens()
    assert await works(first["access_token"])
    fewer = patch_op({"op": "replace", "path": "roles", "value": [{"value": "auditor"}]})
    assert (await directory.ask("PATCH", f"/Users/{made['id']}", fewer)).status_code == 200
    assert not await works(first["access_token"])
    again = patch_op({"op": "replace", "path": "roles", "value": ["staff"]})
    assert (await directory.ask("PATCH", f"/Users/{made['id']}", again)).status_code == 200
    second = (await app.refresh(first["refresh_token"])).json()
    assert await works(second["access_token"])
    off = patch_op({"op": "Replace", "value": {"active": "False"}})
    assert (await directory.ask("PATCH", f"/Users/{made['id']}", off)).json()["active"] is False
    assert not await works(second["access_token"])
    assert (await app.refresh(second["refresh_token"])).status_code == 400
    kept = await directory.ask("PUT", f"/Users/{made['id']}", user("ivo"))
    assert kept.json()["active"] is False, "who says nothing of it does not let anybody in"


async def test_the_last_administrator_stays(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with running_house(tmp_path_factory.mktemp("last") / "data") as house:
        directory = Directory(house)
        boss = await directory.make("boss", roles=[{"value": "administrator"}])
        path = f"/Users/{boss['id']}"
        assert refusal(await directory.ask("DELETE", path)) == (409, "")
        for change in ({"path": "active", "value": False}, {"path": "roles", "value": ["staff"]}):
            assert refusal(await directory.ask("PATCH", path, patch_op({"op": "replace", **change}))) == (
                400,
                "invalidValue",
            )
        await directory.make("other", roles=[{"value": "administrator"}])
        assert (await directory.ask("DELETE", path)).status_code == 204
        left = await ACCOUNTS.read(own(house), boss["id"])
        assert left is not None, "the id never comes to mean somebody else"
        assert await find(own(house), boss["id"]) is None


async def test_a_demo_account_that_was_removed_does_not_come_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with running_house(tmp_path_factory.mktemp("demo") / "data") as house:
        assert [known.name for known in await demo_accounts(own(house))] == ["administrator", "doctor", "staff"]
        directory = Directory(house)
        for name in ("doctor", "staff"):
            (found,) = (await directory.ask("GET", "/Users", filter=f'userName eq "{name}"')).json()["Resources"]
            path = f"/Users/{found['id']}"
            await directory.ask("PATCH", path, patch_op({"op": "replace", "path": "password", "value": PASSWORD}))
            if name == "doctor":
                await directory.ask("DELETE", path)
            else:
                await directory.ask("PATCH", path, patch_op({"op": "replace", "path": "userName", "value": "sam"}))
        assert [known.name for known in await demo_accounts(own(house))] == ["administrator"]
        assert await directory.names(sortBy="userName") == ["administrator", "sam"]


async def test_each_change_is_told_in_the_audit_trail_without_a_secret(shared_house: House) -> None:
    directory = Directory(shared_house, subject="the-directory")
    made = await directory.make("jan", password=PASSWORD)
    path = f"/Users/{made['id']}"
    await directory.ask("PATCH", path, patch_op({"op": "replace", "path": "password", "value": "ten grey foxes at noon"}))
    await directory.ask("PATCH", path, patch_op({"op": "replace", "path": "active", "value": False}))
    await directory.ask("PATCH", path, patch_op({"op": "replace", "path": "active", "value": True}))
    await directory.ask("GET", path)
    await directory.ask("GET", "/Users", filter='userName eq "jan"')
    await directory.ask("DELETE", path)
    await Directory(shared_house, role="doctor", subject="dee").ask("GET", "/Users")
    await shared_house.services.audit.catch_up()
    async with shared_house.client() as client:
        found = (await client.get("/AuditEvent?_count=1000")).text
    for activity in (
        "user-add",
        "user-modify",
        "user-deactivate",
        "user-reactivate",
        "user-read",
        "user-list",
        "user-remove",
    ):
        assert activity in found, activity
    assert "the-directory" in found
    assert "scim-403" in found
    assert "ten grey foxes" not in found
    assert PASSWORD not in found
    assert "$argon2" not in found
