"""`assent user ...` does what the administrators' pages do, and `assent tenant second-factor` says of whom one is wanted."""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from in_process import running_house

from server.accounts import password as passwords
from server.audit.log import audit_binding
from server.audit.record import decode_batch
from server.cli import main

sys.path.append(str(Path(__file__).parents[1] / "oauth"))
from account_help import Time, with_factor  # the folder of another area
from oauth_app import Browser, Page, own

PASSWORD = "four grey geese asleep"
NELL = ("--role", "doctor", "--fhir-user", "Practitioner/nell")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that was started once. Commands of this process are for it."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", lambda: cheap)
    folder = tmp_path / "data"

    async def make() -> None:
        async with running_house(folder):
            pass

    asyncio.run(make())
    monkeypatch.setenv("ASSENT_DATA", str(folder))
    monkeypatch.setenv("ASSENT_SAMPLE", "0")
    return folder


def user(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What the command prints, or says is wrong."""
    assert main(["user", *words]) == code
    said = capsys.readouterr()
    assert (said.err if code == 0 else said.out) == ""
    return said.out if code == 0 else said.err


def added(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, *more: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    user(capsys, "add", name, *more)


def page_of(data: Path, address: str) -> Page:
    """What is at an address of the server, once it runs."""

    async def look() -> Page:
        async with running_house(data) as house:
            return await Browser(house).go(address)

    return asyncio.run(look())


def test_somebody_is_invited_once_more_and_not_at_all(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = user(capsys, "invite", "Nell", *NELL, "--email", "nell@example.org", "--specialty", "cardiology").splitlines()
    assert told[0].startswith("nell chooses a password at this address, which is shown only now and good for 7 days")
    first = told[1]
    assert first.startswith("http://127.0.0.1:8080/invitation?link=")
    assert user(capsys, "list") == "nell doctor Practitioner/nell invited\n"
    assert page_of(data, first).title == "Choose a password - Assent"
    second = user(capsys, "link", "nell").splitlines()[1]
    assert "not good" in page_of(data, first).text
    assert page_of(data, second).title == "Choose a password - Assent"
    user(capsys, "uninvite", "nell")
    assert "not good" in page_of(data, second).text
    assert user(capsys, "list") == "nell doctor Practitioner/nell deactivated\n"
    assert "no link" in user(capsys, "uninvite", "nell", code=2)
    assert "deactivated" in user(capsys, "link", "nell", code=2)
    assert "already" in user(capsys, "invite", "nell", *NELL, code=2)
    user(capsys, "reactivate", "nell")
    user(capsys, "link", "nell")


def test_an_account_is_modified_and_what_is_not_said_stays(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    added(capsys, monkeypatch, "nell", *NELL)
    user(capsys, "modify", "nell", "--display", "Nell N.")
    assert user(capsys, "list") == "nell doctor Practitioner/nell\n"
    user(capsys, "modify", "nell", "--role", "staff", "--role", "auditor", "--fhir-user", "")
    assert user(capsys, "list") == "nell staff,auditor -\n"
    for words, said in (
        (("--role", "boss"), "roles"),
        (("--fhir-user", "x"), "reference"),
        (("--specialty", "magic"), "specialt"),
        (("--email", "x"), "e-mail"),
    ):
        assert said in user(capsys, "modify", "nell", *words, code=2)
    assert "no account" in user(capsys, "modify", "nobody", "--display", "x", code=2)


def test_the_last_administrator_stays_one_here_too(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    added(capsys, monkeypatch, "root", "--role", "administrator")
    assert "last account that can administer" in user(capsys, "deactivate", "root", code=2)
    assert "last account that can administer" in user(capsys, "modify", "root", "--role", "staff", code=2)
    added(capsys, monkeypatch, "other", "--role", "administrator")
    user(capsys, "deactivate", "root")
    assert "active" in user(capsys, "reactivate", "other", code=2)


def test_what_else_is_done_is_done_and_audited(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    added(capsys, monkeypatch, "dora", "--role", "doctor")

    async def add_factor() -> None:
        async with running_house(data) as house:
            with pytest.MonkeyPatch.context() as patch:
                await with_factor(house, Time(house, patch))

    asyncio.run(add_factor())
    user(capsys, "sign-out", "dora")
    user(capsys, "unlock", "dora")
    user(capsys, "reset-second-factor", "dora")
    assert "no second factor" in user(capsys, "reset-second-factor", "dora", code=2)

    async def activities() -> list[tuple[str, str, str]]:
        async with running_house(data) as house:
            tenant = own(house).tenant
            found = [
                record
                for batch in await house.services.store.audit_batches(0, 100_000)
                for record in decode_batch(tenant.cipher.open(batch.body, audit_binding(1, batch.seq)))
            ]
            return [(one.interaction, one.subject, one.query) for one in found if one.interaction.startswith("$user-")]

    assert asyncio.run(activities()) == [
        ("$user-add", "assent-cli", "name=dora&role=doctor"),
        ("$user-end-sessions", "assent-cli", "name=dora"),
        ("$user-unlock", "assent-cli", "name=dora"),
        ("$user-second-factor-reset", "assent-cli", "name=dora"),
    ]


def test_of_whom_a_second_factor_is_wanted(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def rule(*words: str, code: int = 0) -> str:
        assert main(["tenant", "second-factor", *words]) == code
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    assert rule("default", "show") == "optional (ASSENT_SECOND_FACTOR)\n"
    assert rule("default", "administrators") == "administrators\n"
    assert rule("default", "show") == "administrators\n"
    assert rule("default", "default") == "optional (ASSENT_SECOND_FACTOR)\n"
    assert "no tenant" in rule("nowhere", "everybody", code=2)
