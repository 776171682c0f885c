"""`assent`: what goes to standard output, what is said when something is wrong, and how fast a token comes."""

from __future__ import annotations

import ast
import base64
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from program import ROOT, UNSET, assent

from server.auth.access_token import TokenVerifier
from server.auth.decision import decide
from server.auth.signing_key import load_or_create
from server.cli import main


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


def sentence(error: str) -> str:
    """The only line of standard error, which begins with the program's name."""
    lines = error.splitlines()
    assert len(lines) == 1, error
    assert lines[0].startswith("assent: ")
    return lines[0]


def test_a_token_is_all_that_is_printed_and_the_server_of_that_folder_takes_it(tmp_path: Path) -> None:
    assent("token", "--role", "staff", data=tmp_path)
    run = assent("token", "--role", "staff", data=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.count("\n") == 1
    principal = TokenVerifier(load_or_create(tmp_path), "http://127.0.0.1:8080").verify(run.stdout.rstrip("\n"))
    assert (principal.tenant, principal.subject, principal.roles) == ("default", "staff", {"staff"})
    assert principal.fhir_user == "Practitioner/staff"
    assert principal.expires - principal.issued_at == 8 * 3600
    assert decide(principal, "c", "Claim").granted


def test_the_first_token_of_a_folder_says_aside_that_it_made_a_key(tmp_path: Path) -> None:
    run = assent("token", "--role", "staff", data=tmp_path / "new")
    assert run.returncode == 0
    assert run.stdout.count(".") == 2
    assert "new signing key" in sentence(run.stderr)


def test_every_option_is_in_the_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSENT_DATA", str(tmp_path))
    options = ["--role", "doctor", "--role", "staff", "--tenant", "clinic-7", "--subject", "ada", "--patient", "p1"]
    options += ["--scope", "user/Claim.cruds  openid", "--fhir-user", "Practitioner/1", "--expires", "30m"]
    assert main(["token", *options]) == 0
    claims = claims_of(capsys.readouterr().out)
    assert (claims["roles"], claims["tenant"], claims["sub"]) == (["doctor", "staff"], "clinic-7", "ada")
    assert (claims["scope"], claims["patient"], claims["fhirUser"]) == ("user/Claim.cruds openid", "p1", "Practitioner/1")
    assert claims["exp"] - claims["iat"] == 1800


@pytest.mark.parametrize(
    ("options", "scope", "fhir_user"),
    [
        (["--role", "administrator"], "user/*.cruds", "Practitioner/administrator"),
        (["--role", "patient", "--patient", "p1"], "patient/*.cruds", "Patient/p1"),
        (["--role", "staff", "--subject", "Ada L."], "user/*.cruds", None),
    ],
)
def test_what_is_not_asked_for_has_a_sensible_value(
    options: list[str],
    scope: str,
    fhir_user: str | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASSENT_DATA", str(tmp_path))
    monkeypatch.setenv("ASSENT_TOKEN_TTL", "120")
    assert main(["token", *options]) == 0
    claims = claims_of(capsys.readouterr().out)
    assert (claims["scope"], claims.get("fhirUser"), claims["exp"] - claims["iat"]) == (scope, fhir_user, 120)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--role", "boss"], "administrator, doctor, staff"),
        (["--role", "staff", "--tenant", "../x"], "--tenant"),
        (["--role", "staff", "--tenant", ""], "--tenant"),
        (["--role", "staff", "--scope", "user/*.sr"], "SMART"),
        (["--role", "staff", "--scope", ""], "SMART"),
        (["--role", "staff", "--patient", "Patient/1"], "--patient"),
        (["--role", "patient"], "--patient"),
        (["--role", "staff", "--fhir-user", "Ada"], "--fhir-user"),
        (["--role", "staff", "--subject", "a\nb"], "--subject"),
        (["--role", "staff", "--expires", "soon"], "--expires"),
        (["--role", "staff", "--expires", "0"], "--expires"),
        (["--role", "staff", "--expires", "367d"], "--expires"),
        (["--role", "staff", "--expires", "-5"], "--expires"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_makes_no_key(
    options: list[str], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSENT_DATA", str(tmp_path / "data"))
    try:
        code: object = main(["token", *options])
    except SystemExit as end:  # argparse's own refusals
        code = end.code
    output = capsys.readouterr()
    assert (code, output.out) == (2, "")
    assert word in sentence(output.err)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("arguments", [[], ["sevre"], ["token"], ["token", "--rol", "staff"], ["serve", "now"]], ids=str)
def test_a_wrong_command_line_is_one_sentence(arguments: list[str], tmp_path: Path) -> None:
    run = assent(*arguments, data=tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert "--help" in sentence(run.stderr)


def test_a_wrong_setting_and_a_key_that_others_can_read_are_one_sentence(tmp_path: Path) -> None:
    run = assent("token", "--role", "staff", data=tmp_path, ASSENT_PORT="x")
    assert (run.returncode, run.stdout) == (2, "")
    assert "ASSENT_PORT" in sentence(run.stderr)
    assent("token", "--role", "staff", data=tmp_path)
    (tmp_path / "signing-key.pem").chmod(0o644)
    run = assent("token", "--role", "staff", data=tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert "chmod 600" in sentence(run.stderr)


def test_the_version_is_one_line(tmp_path: Path) -> None:
    run = assent("version", data=tmp_path)
    assert run.returncode == 0
    assert run.stdout.startswith("assent ")
    assert run.stdout.count("\n") == 1


def test_an_old_python_is_told_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for version in ((3, 10, 13), (3, 14, 0)):
        monkeypatch.setattr(sys, "version_info", version)
        assert main(["version"]) == 2
        assert f"this is Python 3.{version[1]}." in sentence(capsys.readouterr().err)


def test_the_command_line_loads_only_what_every_python_has() -> None:
    tree = ast.parse((ROOT / "server" / "cli.py").read_text("utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {str(name).split(".")[0] for name in imported} <= set(sys.stdlib_module_names)


def _seconds_of_children() -> float:
    """Of the processor, not of the clock: what else the machine does is not counted."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.slow
def test_a_token_comes_quickly_and_loads_no_web_server(tmp_path: Path) -> None:
    load_or_create(tmp_path)
    times = []
    for _ in range(3):
        start = _seconds_of_children()
        assert assent("token", "--role", "staff", data=tmp_path).returncode == 0
        times.append(_seconds_of_children() - start)
    assert min(times) < 1.5  # 0.2 s when measured alone
    code = "import sys; from server.cli import main; main(['token', '--role', 'staff']);"
    code += "print([m for m in ('uvicorn', 'starlette', 'apsw', 'httpx', 'asyncio') if m in sys.modules], file=sys.stderr)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**UNSET, "ASSENT_DATA": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    assert run.stderr.strip() == b"[]"
