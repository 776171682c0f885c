"""`assent package` as a person runs it: beside a running server and without one, and the same packages on another server by a lock file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import httpx
import pytest
from live_server import LiveServer
from packages_made import ACME, NAME, code_system, package, usual, value_set
from program import refused
from shared import shared_data
from tokens import bearer

from server.cli import main

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    made = LiveServer(tmp_path_factory.mktemp("packages") / "data", ASSENT_SAMPLE="0")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two packages; the one builds on the other."""
    (tmp_path / "one.tgz").write_bytes(usual())
    more = package(value_set(id="more", url="urn:more"), name="acme.more", dependencies={NAME: "1.0.0"})
    (tmp_path / "two.tgz").write_bytes(more)
    return tmp_path


@pytest.fixture
def run(server: LiveServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """`assent` on the server's folder, in this process: a new one for each call would be most of the time."""
    monkeypatch.setenv("ASSENT_DATA", str(server.data))

    def run_one(*words: str) -> CompletedProcess[str]:
        capfd.readouterr()
        try:
            code = main(words)
        except SystemExit as end:
            code = int(end.code or 0)
        said = capfd.readouterr()
        return CompletedProcess(words, code, said.out, said.err)

    return run_one


def total(server: LiveServer, question: str) -> int:
    answer = server.client().get(f"/{question}").raise_for_status().json()
    number: int = answer["total"]
    return number


def test_beside_a_running_server(server: LiveServer, folder: Path, run: Run) -> None:
    added = run("package", "add", str(folder / "one.tgz"))
    assert added.returncode == 0, added.stderr
    assert added.stdout == (
        f"{NAME}#1.0.0 is installed: 5 resources (1 CodeSystem, 1 Questionnaire, 1 SearchParameter, 1 StructureDefinition, "
        "1 ValueSet).\n"
    )
    assert added.stderr == ""
    assert total(server, "CodeSystem?_summary=count") == 1
    check = {"url": f"{ACME}/ValueSet/fruit", "system": f"{ACME}/CodeSystem/fruit", "code": "lime"}
    assert server.client().get("/ValueSet/$validate-code", params=check).json()["parameter"][0]["valueBoolean"] is True
    again = run("package", "add", str(folder / "one.tgz"), str(folder / "two.tgz"))
    assert again.stdout.startswith(f"{NAME}#1.0.0 was installed already: 5 resources")
    assert "acme.more#1.0.0 is installed: 1 resources (1 ValueSet)." in again.stdout
    lines = run("package", "list").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["acme.more#1.0.0", "1"], [f"{NAME}#1.0.0", "5"]]
    assert "assent-cli" in lines[0]
    refused(run("package", "remove", NAME), "built on by acme.more#1.0.0")
    gone = run("package", "remove", "acme.more#1.0.0")
    assert gone.stdout.startswith("acme.more#1.0.0 is removed, with 1 resources")
    assert run("package", "remove", NAME).returncode == 0
    assert total(server, "CodeSystem?_summary=count") == 0
    assert run("package", "list").stdout == ""
    events = server.client().get("/AuditEvent", params={"altid": "assent-cli"}).json()["entry"]
    kinds = [event["resource"]["subtype"][0]["code"] for event in events]
    assert (kinds.count("install"), kinds.count("uninstall")) == (2, 2)


def test_what_cannot_be_done_is_one_sentence(
    server: LiveServer, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "text.tgz").write_text("no package")
    (folder / "r5.tgz").write_bytes(package(code_system(), fhirVersions=["5.0.0"]))
    refused(run("package", "add", str(folder / "text.tgz")), "no gzip-compressed tar archive")
    refused(run("package", "add", str(folder / "r5.tgz")), "is for FHIR 5.0.0")
    refused(run("package", "add", str(folder / "none.tgz")), "cannot be read")
    refused(run("package", "add", str(folder / "one.tgz"), "--tenant", "nobody"), "There is no tenant nobody")
    refused(run("package", "remove", "acme.none"), "No package of that name")
    monkeypatch.setenv("ASSENT_DATA", str(folder / "elsewhere"))
    refused(run("package", "list"), "There is no store")
    monkeypatch.setenv("ASSENT_DATA", str(server.data))
    refused(run("package", "sync", str(folder / "text.tgz"), "--from", str(folder)), "lock file")
    refused(run("package", "paint"), "invalid choice")
    assert total(server, "CodeSystem?_summary=count") == 0


def test_a_tenant_of_its_own(server: LiveServer, folder: Path, run: Run) -> None:
    assert run("tenant", "create", "south").returncode == 0
    assert run("package", "add", str(folder / "one.tgz"), "--tenant", "south").returncode == 0
    assert run("package", "list").stdout == ""
    assert NAME in run("package", "list", "--tenant", "south").stdout
    assert total(server, "CodeSystem?_summary=count") == 0


def test_a_lock_file_gives_another_server_exactly_the_same(
    server: LiveServer, folder: Path, tmp_path: Path, run: Run
) -> None:
    lock, files = tmp_path / "packages.lock", tmp_path / "files"
    files.mkdir()
    assert run("tenant", "create", "east").returncode == 0
    shutil.copy(folder / "one.tgz", files / "whatever.tgz")
    shutil.copy(folder / "two.tgz", files / "two.tgz")
    assert run("package", "add", *map(str, sorted(files.iterdir())), "--tenant", "east").returncode == 0
    locked = run("package", "lock", "--tenant", "east").stdout
    lock.write_text(locked)
    assert [row["name"] for row in json.loads(locked)["packages"]] == ["acme.more", NAME]

    def sync(*more: str) -> tuple[str, ...]:
        return ("package", "sync", str(lock), "--from", str(files), *more)

    try:
        assert run("package", "add", str(files / "two.tgz")).returncode == 0
        done = run(*sync())
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("All 2 packages of the lock file are installed, and no other.\n")
        assert run("package", "lock").stdout == locked
        assert run(*sync()).stdout == "All 2 packages of the lock file are installed, and no other.\n"
        (files / "beside.tgz").write_bytes(package(code_system("9.0.0"), name="acme.beside"))
        assert run("package", "add", str(files / "beside.tgz")).returncode == 0
        refused(run(*sync()), "not in the lock file: acme.beside#1.0.0")
        assert run("package", "remove", "acme.beside").returncode == 0
        changed = json.loads(locked)
        changed["packages"][1]["sha256"] = "0" * 64
        lock.write_text(json.dumps(changed))
        refused(run(*sync()), f"other content than the lock file says: {NAME}#1.0.0")
        assert run("tenant", "create", "west").returncode == 0
        refused(run(*sync("--tenant", "west")), f"for {NAME}#1.0.0")
        assert run("package", "list", "--tenant", "west").stdout == ""
        lying = json.loads(locked)
        lying["packages"][1]["version"] = "7.0.0"
        lock.write_text(json.dumps(lying))
        refused(run(*sync("--tenant", "west")), "is not acme.policies#7.0.0")
        assert run("package", "list", "--tenant", "west").stdout == ""
    finally:
        for name in ("acme.more", NAME):
            run("package", "remove", name)


def test_the_official_packages_stand_side_by_side(server: LiveServer, run: Run) -> None:
    """Each is installed whole, and removed without touching the others, whose profiles have the same canonicals."""
    folder = shared_data() / "ig"
    files = [
        str(folder / f"hl7.fhir.us.{name}.tgz")
        for name in ("core-3.1.1", "core-7.0.0", "davinci-pas-2.2.1", "davinci-pas-2.0.1")
    ]
    of_official = ("--tenant", "official")
    assert run("tenant", "create", "official").returncode == 0
    added = run("package", "add", *files, *of_official)
    assert added.returncode == 0, added.stderr
    refused(run("package", "add", str(folder / "hl7.fhir.r4.core-4.0.1.tgz"), *of_official), "built in")
    listed = run("package", "list", *of_official).stdout.splitlines()
    assert [line.split()[1] for line in listed] == ["145", "210", "96", "110"]
    base, headers = f"{server.root}/t/official/fhir", bearer(server.token(tenant="official"))

    def count(question: str) -> int:
        number: int = httpx.get(f"{base}/{question}&_summary=count", headers=headers).raise_for_status().json()["total"]
        return number

    url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"
    assert count(f"StructureDefinition?url={url}") == 2
    refused(run("package", "remove", "hl7.fhir.us.core#7.0.0", *of_official), "built on by hl7.fhir.us.davinci-pas#2.2.1")
    for name in ("hl7.fhir.us.davinci-pas#2.2.1", "hl7.fhir.us.core#7.0.0"):
        gone = run("package", "remove", name, *of_official)
        assert gone.returncode == 0, gone.stderr
    assert count(f"StructureDefinition?url={url}") == 1
    assert count("ImplementationGuide?_count=1") == 2
