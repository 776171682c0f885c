"""`make`: finds a fitting Python or says why not, installs only what changed, and starts `assent serve`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ("run", "install", "test", "test-fast", "lint", "bench", "help")

FITTING = '#!/bin/sh\necho "$*" >> "$(dirname "$0")/calls"\n'
"""A Python that fits, makes no environment and installs nothing, but remembers what it was asked."""

OLD = '#!/bin/sh\ncase $1 in --version) echo "Python 3.9.2";; *) exit 1;; esac\n'


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def environment(checkout: Path) -> Path:
    """A checkout with a virtual environment whose programs only remember that they were called."""
    program(checkout / ".venv/bin/python", FITTING)
    program(checkout / ".venv/bin/assent", '#!/bin/sh\necho "assent $* port=$ASSENT_PORT"\n')
    return checkout


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As a person calls it: not as a part of the `make` that runs these tests."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ASSENT_", "PYTHON"))
    }
    return subprocess.run(["make", *arguments], cwd=checkout, env=environ, capture_output=True, text=True, check=False)


def calls(checkout: Path) -> list[str]:
    path = checkout / ".venv/bin/calls"
    return [line for line in path.read_text().splitlines() if "pip" in line] if path.exists() else []


def test_help_is_what_make_says_by_itself_and_names_every_target(checkout: Path) -> None:
    assert make(checkout).stdout == make(checkout, "help").stdout
    for target in TARGETS:
        assert re.search(rf"^  make {target} +[A-Z]", make(checkout).stdout, re.MULTILINE), target


def test_no_python_that_fits_is_said_with_what_was_found(checkout: Path) -> None:
    old = program(checkout / "old-python", OLD)
    run = make(checkout, "install", f"PYTHON={old}")
    assert run.returncode != 0
    assert run.stderr.splitlines()[0] == (
        f"Assent needs Python 3.11, 3.12 or 3.13, and none was found under the names {old}; {old} is Python 3.9.2."
    )
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv_is_said(checkout: Path) -> None:
    bare = program(checkout / "bare-python", "#!/bin/sh\ncase $2 in *ensurepip*) exit 1;; esac\n")
    run = make(checkout, "install", f"PYTHON={bare}")
    assert run.returncode != 0
    assert "python3-venv" in run.stderr.splitlines()[0]


def test_the_first_run_installs_and_the_second_asks_nothing_of_the_network(environment: Path) -> None:
    first = make(environment, "run", "ASSENT_PORT=9000")
    assert first.stdout.splitlines()[-1] == "assent serve port=9000"
    assert len(calls(environment)) == 1
    assert "--editable ." in calls(environment)[0]
    second = make(environment, "run", "ASSENT_PORT=9001")
    assert second.stdout == "assent serve port=9001\n"
    assert len(calls(environment)) == 1


def test_a_changed_pyproject_is_installed_again_and_a_touched_one_is_not(environment: Path) -> None:
    make(environment, "install")
    (environment / "pyproject.toml").touch()
    make(environment, "install")
    assert len(calls(environment)) == 1
    (environment / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    make(environment, "install")
    assert len(calls(environment)) == 2


def test_what_tests_need_is_enough_to_run(environment: Path) -> None:
    make(environment, "dev")
    assert "--editable .[dev]" in calls(environment)[0]
    make(environment, "install")
    assert len(calls(environment)) == 1


def test_a_failed_installation_is_said_and_tried_again(environment: Path) -> None:
    program(environment / ".venv/bin/python", "#!/bin/sh\ncase $2 in pip) exit 1;; esac\n")
    for _ in range(2):
        run = make(environment, "install")
        assert run.returncode != 0
        assert "could not be installed" in run.stderr.splitlines()[0]


def test_an_installation_that_was_copied_from_elsewhere_is_done_again(
    environment: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    make(environment, "install")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(environment, elsewhere)
    make(elsewhere, "install")
    assert len(calls(elsewhere)) == 2


def test_ci_calls_make_test_and_needs_nobody() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert script.startswith("#!/usr/bin/env bash\n")
    assert script.rstrip().endswith("\nmake test")
    assert "set -euo pipefail" in script
    assert "exec </dev/null" in script
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)
