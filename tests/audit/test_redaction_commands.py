"""No command repeats what it was given to keep: every command of the parser is run with marks on standard input and in files (passwords, client
secrets, keys, records, packages), and neither what it prints nor what it logs has them. Made of the parser, so that a later command is run too.

What a command is asked to print is another matter (`user show`, `audit export`): there, secrets alone are looked for. Arguments are the
operator's own words and no secret: none of them is one, which a test says.
"""

from __future__ import annotations

import argparse
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_server import LiveServer, free_port
from marked import MARKS, PASSWORD, PHI, SECRET, spellings, turns_up
from marked_requests import PATIENT

from server.cli import build_parser, main

pytestmark = pytest.mark.slow

TAKES_SECONDS = frozenset({"serve"})
"""It does not come to its end by itself: what it prints and logs is looked at in test_redaction_everywhere.py."""

FILES = {
    "records.ndjson": json.dumps(PATIENT)
    + "\n"
    + json.dumps({**PATIENT, "gender": PHI})
    + "\n"
    + f'{{"{PHI}": "{SECRET}\n',
    "keys.json": json.dumps({"keys": [{"kty": "EC", "crv": PHI, "d": SECRET}]}),
    "codes.csv": f"code,display\n{PHI},{SECRET}\n",
    "package.tgz": f"{PHI} {SECRET}",
    "new.key": SECRET,
}


def commands(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """(its words, its parser) of every command that does something."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        for name, each in action.choices.items():
            yield from commands(each, (*words, name))
    if not below:
        yield words, parser


COMMANDS = [(words, parser) for words, parser in commands(build_parser()) if words[0] not in TAKES_SECONDS]

VALUES = {
    "role": "staff", "tenant": "default", "fhir_user": "Practitioner/1", "scope": "system/Patient.rs", "kind": "keys", "issuer": "https://idp.example",
    "jwks_uri": "https://app.example/keys", "redirect_uri": "https://app.example/back", "email": "ann@example.org", "url": "urn:codes", "job": "1",
}  # fmt: skip
"""For arguments of a form of their own; a choice is the first, and anything else the file whose name fits, or a plain word."""


def line(words: tuple[str, ...], parser: argparse.ArgumentParser, folder: Path, *, full: bool) -> list[str]:
    """A command line: with what it must have, or with all that it takes."""
    given = [*words]
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction) or (action.option_strings and not (full or action.required)):
            continue
        if action.option_strings and action.nargs == 0:
            given.append(action.option_strings[0])
        else:
            value = _value(action, folder)
            given += [action.option_strings[0], value] if action.option_strings else [value]
    return given


def _value(action: argparse.Action, folder: Path) -> str:
    if action.choices:
        return str(next(iter(action.choices)))
    name = f"{action.dest} {action.metavar or ''}".lower()
    fits = {
        "jwks": "keys.json",
        "tgz": "package.tgz",
        "lockfile": "keys.json",
        "path": "records.ndjson",
        "key": "new.key",
        "file": "codes.csv",
    }
    if action.dest in VALUES:
        return VALUES[action.dest]
    return next((str(folder / file) for part, file in fits.items() if part in name), "ann")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that a server made and that no server holds, with somebody in it, and the files."""
    made = tmp_path_factory.mktemp("commands")
    server = LiveServer(made / "data", ASSENT_SAMPLE="0")
    server.start()
    client = server.client()
    client.put(f"/Patient/{PATIENT['id']}", json=PATIENT).raise_for_status()
    client.get("/Patient", params={"name": PHI}, headers={"Authorization": f"Bearer {SECRET}"})
    server.stop()
    for name, content in FILES.items():
        (made / name).write_text(content)
        (made / name).chmod(0o600)
    return made


SHOWN = frozenset({("audit", "export"), ("backup",), ("export",), ("user", "show"), ("user", "list"), ("user", "patch")})
"""They print what is kept, which is what they are for; never a secret."""


@pytest.mark.parametrize("full", [False, True], ids=["what it must have", "all that it takes"])
@pytest.mark.parametrize(("words", "parser"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_no_command_repeats_what_it_was_given(
    words: tuple[str, ...],
    parser: argparse.ArgumentParser,
    full: bool,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ASSENT_DATA", str(folder / "data"))
    monkeypatch.setenv("ASSENT_PORT", str(free_port()))
    monkeypatch.setenv("ASSENT_SAMPLE", "0")
    typed = json.dumps({"password": SECRET, "userName": PHI}) if words[-1] == "patch" else PASSWORD
    monkeypatch.setattr("sys.stdin", _typed(f"{typed}\n"))
    asked = line(words, parser, folder, full=full)
    assert not turns_up(MARKS, " ".join(asked)), "what is looked for is not in the command line"
    try:
        main(asked)
    except SystemExit as left:
        raise AssertionError(f"argparse does not take {asked}: {capfd.readouterr().err}") from left
    said = capfd.readouterr()
    assert "Traceback" not in said.err
    assert not turns_up(MARKS, said.err), said.err
    assert not turns_up(spellings(SECRET) if words in SHOWN else MARKS, said.out), said.out


def test_no_secret_is_an_argument() -> None:
    """What is on a command line is in the list of processes, and in the history of the shell."""
    secret = re.compile(r"pass(word|phrase|wd)|secret|token|credential|(^|_)key$|(^|_)pin$|(^|_)code$")
    taken = [
        (" ".join(words), action.dest)
        for words, parser in commands(build_parser())
        for action in parser._actions
        if action.nargs != 0 and secret.search(action.dest)
    ]
    assert taken == []


def _typed(text: str) -> Any:
    return io.TextIOWrapper(io.BytesIO(text.encode()))
