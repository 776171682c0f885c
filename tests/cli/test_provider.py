"""`assent provider` and what `assent user` has of SCIM: shown and changed without a server, and never a secret."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from in_process import running_house

from server.accounts import password
from server.cli import main
from server.scim.patch import MESSAGE
from server.scim.schema import EXTENSION

ISSUER = "https://idp.example"


class Typed(io.TextIOWrapper):
    """Standard input, as text and as bytes."""

    def __init__(self, text: str) -> None:
        super().__init__(io.BytesIO(text.encode()), "utf-8")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("provider") / "data"

    async def make() -> None:
        async with running_house(folder):
            pass

    asyncio.run(make())
    return folder


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.setenv("ASSENT_DATA", str(data))

    def command(*words: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", Typed(typed))
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


ADD = ["provider", "add", "hospital", "--issuer", ISSUER, "--client-id", "assent"]


def test_a_provider_comes_and_goes(run: Command) -> None:
    code, out, _ = run(
        *ADD, "--title", "The Hospital", "--role-claim", "groups", "--role", "a=b=doctor", "--by-email", typed="s3cret\n"
    )
    assert code == 0
    assert out.splitlines()[1] == "http://127.0.0.1:8080/oauth/outside/back/hospital"
    assert "s3cret" not in out
    assert run("provider", "list") == (0, f"hospital {ISSUER} assent a=b=doctor by-email\n", "")
    code, _, err = run(*ADD, typed="again\n")
    assert (code, err) == (2, "assent: There is a provider hospital already.\n")
    assert run("provider", "remove", "hospital")[0] == 0
    assert run("provider", "remove", "hospital")[0] == 2
    assert run("provider", "list") == (0, "", "")


@pytest.mark.parametrize(
    ("more", "typed", "words"),
    [
        ([], "\n", "secret"),
        (["--algorithm", "HS256"], "s\n", "algorithms"),
        (["--role", "doctor"], "s\n", "--role"),
        (["--role", "x=doctor"], "s\n", "claim"),
        (["--role-claim", "groups", "--role", "x=patient"], "s\n", "patient"),
        (["--parameter", "state=x"], "s\n", "parameters"),
        (["--tenant", "nowhere"], "s\n", "no tenant"),
    ],
    ids=range(7),
)
def test_what_is_no_provider_is_said_in_a_sentence(run: Command, more: list[str], typed: str, words: str) -> None:
    code, out, err = run(*ADD, *more, typed=typed)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_the_command_line_shows_and_changes_what_scim_does(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(password, "_hasher", lambda: cheap)
    assert run("user", "add", "ann", "--role", "staff", typed="nine brown otters swim\n")[0] == 0
    code, out, _ = run("user", "show", "ann")
    shown = json.loads(out)
    assert (code, shown["userName"], shown["roles"]) == (0, "ann", [{"value": "staff"}])
    assert shown["meta"]["location"] == f"http://127.0.0.1:8080/scim/v2/Users/{shown['id']}"
    assert "argon2" not in out
    change = {"schemas": [MESSAGE], "Operations": [{"op": "replace", "value": {"userName": "Anna", "userType": "x"}}]}
    assert run("user", "patch", "ann", typed=json.dumps(change))[0] == 0
    link = ["user", "identity", "anna", "--issuer", ISSUER, "--subject", "u-1"]
    assert run(*link)[0] == 0
    assert run(*link)[0] == 2
    shown = json.loads(run("user", "show", "anna")[1])
    assert shown["userType"] == "x"
    assert shown[EXTENSION]["identities"] == [{"issuer": ISSUER, "subject": "u-1"}]
    assert run(*link, "--remove")[0] == 0
    assert run(*link, "--remove")[0] == 2
    for typed in ("", "[]", "{}", "\xff", json.dumps({**change, "Operations": [{"op": "remove", "path": "userName"}]})):
        code, out, err = run("user", "patch", "anna", typed=typed)
        assert (code, out, len(err.splitlines())) == (2, "", 1), typed
    assert run("user", "remove", "anna")[0] == 0
    assert run("user", "show", "anna")[0] == 2
    assert run("user", "list") == (0, "", "")
