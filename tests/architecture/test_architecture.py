"""The house rules that a program can check (DESIGN sections 1 and 2): floors, sizes, docstrings, weight, error codes."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from profiles.error_codes import ERROR_CODES

CHECKOUT = Path(__file__).parents[2]
FLOORS = ["terminology", "profiles", "operations", "server"]
FILES = sorted(path for floor in FLOORS for path in (CHECKOUT / floor).rglob("*.py"))
LONGEST = 400


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def imports(path: Path) -> Iterator[str]:
    """Full names of all modules that a file imports, wherever in the file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "import_module":
            yield from (
                argument.value
                for argument in node.args
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            )


def relative(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


def test_there_are_files_to_look_at() -> None:
    assert len(FILES) > 150
    assert {relative(path).partition("/")[0] for path in FILES} == set(FLOORS)


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_run_downwards_only(floor: str) -> None:
    above = set(FLOORS[FLOORS.index(floor) + 1 :])
    wrong = [
        f"{relative(path)} imports {name}"
        for path in FILES
        if relative(path).startswith(f"{floor}/")
        for name in imports(path)
        if name.partition(".")[0] in above
    ]
    assert wrong == []


def test_product_code_imports_neither_tests_nor_what_is_only_for_tests() -> None:
    only_for_tests = {"tests", "benchmarks", "fhir", "pytest", "hypothesis", "respx", "yaml", "fhirpathpy"}
    wrong = [
        f"{relative(path)} imports {name}"
        for path in FILES
        for name in imports(path)
        if name.partition(".")[0] in only_for_tests
    ]
    assert wrong == []


def test_only_the_composition_root_and_the_commands_that_run_it_know_the_application() -> None:
    knowing = {relative(path) for path in FILES if "server.app" in set(imports(path))}
    assert knowing <= {"server/commands/serve.py", "server/commands/acting.py", "server/seal/train.py"}


@pytest.mark.parametrize(("folder", "drivers"), [("sqlite", {"apsw"}), ("mongo", {"pymongo", "bson", "gridfs"})])
def test_only_a_back_end_and_the_module_that_opens_it_know_its_engine(folder: str, drivers: set[str]) -> None:
    knowing = {
        relative(path)
        for path in FILES
        for name in imports(path)
        if name.partition(".")[0] in drivers or name.startswith(f"server.store.{folder}")
    }
    assert {name for name in knowing if not name.startswith(f"server/store/{folder}/")} <= {
        "server/store/open.py",
        "server/store/copies.py",
    }


def test_only_the_guarded_module_makes_requests() -> None:
    """Whoever else needs one is given its client: no address leads around the look at where it goes (server/outgoing.py)."""
    able = {"httpx", "httpcore", "urllib.request", "http.client", "aiohttp", "requests", "urllib3", "ftplib", "telnetlib"}
    knowing = {
        relative(path) for path in FILES if able & {*imports(path), *(name.partition(".")[0] for name in imports(path))}
    }
    assert knowing == {"server/outgoing.py", "operations/payer/remote.py"}
    making = re.compile(r"httpx\.\w*(?:Client|Transport)\(|(?:socket|asyncio)\.(?:create|open)_connection\(")
    assert [relative(path) for path in FILES if making.search(path.read_text("utf-8"))] == ["server/outgoing.py"]


def test_no_file_is_too_long_and_most_are_short() -> None:
    lengths = {relative(path): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
    assert sorted(lengths.values())[len(lengths) // 2] <= 150


def test_every_file_says_what_it_is_for() -> None:
    assert [relative(path) for path in FILES if len(ast.get_docstring(tree(path)) or "") < 20] == []


def test_nothing_is_left_for_later_and_no_check_is_switched_off() -> None:
    forbidden = re.compile(r"\b(?:TODO|FIXME|XXX)\b|#\s*type:\s*ignore|#\s*noqa|pragma: no cover|for now\b", re.IGNORECASE)
    found = [
        f"{relative(path)}:{number}"
        for path in FILES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if forbidden.search(line)
    ]
    assert found == []


def test_no_path_of_a_machine_is_in_the_code() -> None:
    machine = re.compile(r"/(?:work|home|Users|root)/[a-z]")
    assert [relative(path) for path in FILES if machine.search(path.read_text("utf-8"))] == []


def test_no_global_state_is_declared() -> None:
    assert [relative(path) for path in FILES for node in ast.walk(tree(path)) if isinstance(node, ast.Global)] == []


# -- error codes -----------------------------------------------------------------------------------------------------------


def strings_of(path: Path) -> set[str]:
    return {node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def named_codes(path: Path) -> Iterator[tuple[str, int]]:
    """Codes as they are given to `refuse(...)` and `Issue(...)` of profiles/outcome.py, where they are written out."""
    ours = {
        alias.asname or alias.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module == "profiles.outcome"
        for alias in node.names
        if alias.name in {"refuse", "Issue"}
    }
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ours:
            given = next(iter(node.args), None) or next((k.value for k in node.keywords if k.arg == "code"), None)
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                yield given.value, node.lineno


def test_every_code_that_is_raised_is_in_the_table() -> None:
    wrong = [
        f"{relative(path)}:{line} {code}" for path in FILES for code, line in named_codes(path) if code not in ERROR_CODES
    ]
    assert wrong == []
    assert sum(1 for path in FILES for _ in named_codes(path)) > 100


def test_every_code_in_the_table_is_used() -> None:
    used: set[str] = set()
    for path in FILES:
        if path.name != "error_codes.py":
            used |= strings_of(path)
    assert sorted(set(ERROR_CODES) - used) == []


def test_codes_are_words_with_a_status_and_a_meaning() -> None:
    for code, entry in ERROR_CODES.items():
        assert re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", code)
        assert 400 <= entry.status < 600
        assert entry.meaning.endswith(".")


# -- weight ----------------------------------------------------------------------------------------------------------------


def loaded_by(statement: str) -> set[str]:
    program = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_command_line_is_light() -> None:
    heavy = {
        "apsw",
        "httpx",
        "msgspec",
        "joserfc",
        "cryptography",
        "starlette",
        "uvicorn",
        "zstandard",
        "server.app",
        "profiles",
    }
    assert loaded_by("import server.cli") & heavy == set()


def test_the_server_loads_nothing_that_only_tests_or_strangers_need() -> None:
    loaded = loaded_by("import server.app, server.commands.serve")
    assert (
        loaded & {"fhir", "fhir.resources", "pydantic", "fastapi", "pytest", "hypothesis", "yaml", "jsonschema", "pymongo"}
        == set()
    )
