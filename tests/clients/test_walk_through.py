"""docs/smart.md tells authors of clients what to write: its commands and its Python run, as they stand, against the running program."""

from __future__ import annotations

import asyncio
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from live_server import LiveServer
from people import Place, make_person
from program import assent

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs/smart.md"
SECTION = "## Write a client"
STEP = re.compile(r"^    (?P<command>assent [^\n]*)$|^```python\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


def steps() -> list[tuple[str, str]]:
    """(kind, text) of all that is to be run, in order."""
    text = PAGE.read_text().split(SECTION)[1].split("\n## ")[0]
    return [(match.lastgroup or "", match[match.lastgroup or 0]) for match in re.finditer(STEP, text)]


def test_what_the_page_tells_runs_as_it_stands(
    live_server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    place = Place(live_server, make_person(live_server, "walker"), "walker")
    names: dict[str, Any] = {}
    for kind, text in steps():
        text = text.replace("http://127.0.0.1:8080", live_server.root)
        if kind == "command":
            arguments = [str(tmp_path / word) if word == "keys.json" else word for word in shlex.split(text)[1:]]
            done = assent(*arguments, data=live_server.data)
            assert done.returncode == 0, done.stderr
        else:
            if "back" in text and "address" in names and "back" not in names:
                names["back"] = asyncio.run(place.walk(names["address"]))
            exec(compile(text, str(PAGE), "exec"), names)
    assert [kind for kind, _ in steps()] == ["command", "code", "code", "code", "code", "command", "code"]
    assert names["tokens"]["patient"] in capsys.readouterr().out
