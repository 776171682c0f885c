"""No data becomes code: nothing in the program can execute a text, load an object out of bytes, or hand a line to a shell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
FILES = [
    path
    for floor in ("server", "operations", "profiles", "terminology")
    for path in sorted((CHECKOUT / floor).rglob("*.py"))
]

EXECUTES = frozenset({"eval", "exec", "compile", "__import__"})
LOADS = frozenset(
    {"pickle", "marshal", "shelve", "dill", "cloudpickle", "subprocess", "pty", "code", "codeop", "ctypes", "runpy"}
)
SHELLS = frozenset({"os.system", "os.popen", "asyncio.create_subprocess_shell"})
STARTS = frozenset({"asyncio.create_subprocess_exec", "os.fork", "os.execv", "os.execve", "os.spawnv"})

ONE_PROGRAM = "server/seal/key_source.py"
"""The operator's own command that prints the master key, word by word and without a shell."""


def suspicious(tree: ast.Module, path: str) -> Iterator[str]:
    """What in a file could execute, load or start something."""
    banned = SHELLS if path == ONE_PROGRAM else SHELLS | STARTS
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EXECUTES:
            yield f"{path}:{node.lineno} {node.func.id}"
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and f"{node.value.id}.{node.attr}" in banned
        ):
            yield f"{path}:{node.lineno} {node.attr}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"{path}:{node.lineno} {name}" for name in names if name.partition(".")[0] in LOADS)
        if isinstance(node, ast.Call) and any(word.arg == "shell" for word in node.keywords):
            yield f"{path}:{node.lineno} shell"


def test_nothing_of_the_program_executes_a_text() -> None:
    assert len(FILES) > 300
    relative = ((path, path.relative_to(CHECKOUT).as_posix()) for path in FILES)
    assert [found for path, name in relative for found in suspicious(ast.parse(path.read_text("utf-8")), name)] == []


def test_what_would_is_found() -> None:
    text = "import pickle\nfrom subprocess import run\neval(x)\nos.system(x)\nrun(x, shell=True)\nasyncio.create_subprocess_exec(x)\n"
    assert len([*suspicious(ast.parse(text), "server/any.py")]) == 6
    assert not [*suspicious(ast.parse("re.compile(x)\nasyncio.create_subprocess_exec(x)"), ONE_PROGRAM)]
