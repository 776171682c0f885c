"""What `assent serve` tells a person to try is a list of lines that a shell can run, about files that are there."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from server.banner import banner

ROOT = Path(__file__).parents[2]
BASE = "http://127.0.0.1:8080/fhir"


def commands(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.startswith("    ")]


@pytest.mark.parametrize("sample", [True, False])
def test_every_command_is_whole_and_names_the_server(sample: bool) -> None:
    found = commands(banner(BASE, sample))
    assert len(found) == (7 if sample else 6)
    for command in found:
        words = shlex.split(command)
        assert words[0] == "curl" or words[0].startswith("TOKEN=")
        assert any(BASE in word for word in words) or "token --role" in command


def test_dollar_signs_of_operations_reach_the_server() -> None:
    addresses = [shlex.split(command)[-1] for command in commands(banner(BASE, True)) if "-d @" in command]
    assert addresses == [f"{BASE}/Claim/$preview-risk", f"{BASE}/Claim/$submit", f"{BASE}/Claim/$inquire"]
    assert all(f"'{address}'" in banner(BASE, True) for address in addresses)


def test_the_bodies_it_names_are_there() -> None:
    bodies = [word[1:] for command in commands(banner(BASE, True)) for word in command.split() if word.startswith("@")]
    assert bodies
    assert all((ROOT / body).is_file() for body in bodies)


def test_it_calls_the_program_as_it_was_told() -> None:
    assert "TOKEN=$(ASSENT_DATA=/srv/a assent token --role staff)" in banner(BASE, True, "ASSENT_DATA=/srv/a assent")


def test_an_empty_server_sends_nobody_to_the_practice() -> None:
    assert "Villanueva" not in banner(BASE, False)
    assert "It is empty." in banner(BASE, False)
