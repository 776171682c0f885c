"""`assent terminology load`: an operator's list of codes is stored beside a running server, which knows it at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from live_server import LiveServer

from server.cli import main

HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
ABOUT = ("--url", HCPCS, "--edition", "2026-01", "--name", "HCPCS")


def test_a_list_is_stored_beside_a_running_server(
    empty_server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, client = tmp_path / "hcpcs.csv", empty_server.client()
    monkeypatch.setenv("ASSENT_DATA", str(empty_server.data))

    def load(rows: str) -> str:
        file.write_text(f"HCPC,SEQNUM,LONG DESCRIPTION,SHORT DESCRIPTION,TERM DT\n{rows}")
        assert main(["terminology", "load", str(file), *ABOUT]) == 0
        said = capsys.readouterr()
        assert said.err == ""
        return said.out

    def result(code: str) -> bool:
        answer = client.get("/CodeSystem/$validate-code", params={"url": HCPCS, "code": code})
        return bool(answer.json()["parameter"][0]["valueBoolean"])

    assert not result("X0001")
    first = load("X0001,10,Made thing,Thing,\nX0002,10,Made,Old thing,20200101\nX0002,20,and gone,,\n")
    assert "is stored: 2 codes" in first
    assert result("X0001")
    assert "was there already" in load(
        "X0001,10,Made thing,Thing,\nX0002,10,Made,Old thing,20200101\nX0002,20,and gone,,\n"
    )
    assert "new version" in load("X0001,10,Made thing,Thing,\nX0003,10,New,New,\n")
    assert (result("X0002"), result("X0003")) == (False, True)
    searched = client.get("/ValueSet/$expand", params={"url": f"{HCPCS}?fhir_vs", "filter": "thi", "count": "5"}).json()
    assert [row["code"] for row in searched["expansion"]["contains"]] == ["X0001"]
    many = "\n".join(f"Y{number:05},10,{'long words ' * 9},short {number}," for number in range(30_000))
    assert "30000 codes" in load(f"{many}\n")
    assert (result("Y29999"), result("X0001")) == (True, False)


def test_a_list_without_names_is_told(
    empty_server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.csv").write_text("code,text for people\na,Ay\n")
    monkeypatch.setenv("ASSENT_DATA", str(empty_server.data))
    about = ("--url", "https://example.org/list", "--edition", "1", "--name", "List")
    for more, told in (((), True), (("--column", "display=text for people"), False)):
        assert main(["terminology", "load", str(tmp_path / "list.csv"), *about, *more]) == 0
        assert ("--column display=" in capsys.readouterr().out) is told


@pytest.mark.parametrize(
    ("content", "more", "words"),
    [
        (b"name\nx\n", (), "Line 1 names no column of codes"),
        (b"code\na\na\n", (), "Line 3"),
        (b"code\n\xe9\n", (), "cp1252"),
        (b"code\na\n", ("--encoding", "klingon"), "no encoding"),
        (b"code\na\n", ("--column", "code"), "OURS=THEIRS"),
        (b"code\na\n", ("--column", "display=nope"), "no column 'nope'"),
        (b"code\na\n", ("--column", "colour=code"), "no column 'colour'"),
        (b"x" * 200_000, (), "Line 1"),
        (b"code\na\n", ("--encoding", "undefined"), "cp1252"),
        (b"code\na\n", ("--tenant", "nobody"), "no tenant nobody"),
        (None, (), "cannot be read"),
    ],
    ids=[
        "no codes",
        "twice",
        "not UTF-8",
        "encoding",
        "column",
        "not there",
        "not ours",
        "long",
        "undefined",
        "tenant",
        "no file",
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(
    empty_server: LiveServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    more: tuple[str, ...],
    words: str,
) -> None:
    file = tmp_path / "list.csv"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("ASSENT_DATA", str(empty_server.data))
    assert main(["terminology", "load", str(file), *ABOUT, *more]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert words in said.err
