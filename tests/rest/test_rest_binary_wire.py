"""Documents over real HTTP, on the real program and both engines: memory, senders that lie or go away, kills, damage that is named."""

from __future__ import annotations

import json
import os
import random
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import apsw
import httpx
import pytest
from live_server import LiveServer
from program import assent
from rest_help import refused

sys.path.append(str(Path(__file__).parents[1] / "store"))
from mongod import mongodb_url
from pymongo import MongoClient

MIB = 2**20
LARGEST = 50 * MIB
GROWTH = 24 * MIB
TYPE = {"Content-Type": "application/pdf"}
CHUNK = 384 * 1024


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["embedded", "mongodb"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    settings = {"ASSENT_SAMPLE": "0"}
    if request.param == "mongodb":
        before, _, options = mongodb_url().partition("?")
        settings["ASSENT_STORE"] = f"{before.rstrip('/')}/assent_documents_{os.getpid()}?{options}"
    program = LiveServer(tmp_path_factory.mktemp("documents") / "data", **settings)
    program.start()
    yield program
    program.stop()
    if request.param == "mongodb":
        with MongoClient[dict[str, object]](settings["ASSENT_STORE"]) as client:
            client.drop_database(client.get_default_database())


def memory(server: LiveServer) -> int:
    return int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def pieces(size: int) -> Iterator[bytes]:
    """A PDF of that size, in pieces that are the same each time."""
    source = random.Random(size)
    yield b"%PDF-"
    left = size - 5
    while left:
        piece = source.randbytes(min(left, 60_000))
        left -= len(piece)
        yield piece


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of another process is read from /proc")
def test_fifty_megabytes_go_in_and_out_and_the_server_does_not_grow(
    server: LiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    client = server.client()
    first = client.post("/Binary", content=pieces(2 * MIB), headers=TYPE).json()["id"]
    assert len(client.get(f"/Binary/{first}").content) == 2 * MIB
    before = most = memory(server)

    def watched(stream: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal most
        for number, piece in enumerate(stream):
            if number % 64 == 0:
                most = max(most, memory(server))
            yield piece

    answer = client.post("/Binary", content=watched(pieces(LARGEST)), headers=TYPE)
    assert answer.status_code == 201, answer.text
    address = f"/Binary/{answer.json()['id']}"
    expected = pieces(LARGEST)
    rest = b""
    with client.stream("GET", address) as download:
        assert download.headers["content-length"] == str(LARGEST)
        for piece in watched(download.iter_bytes(100_000)):
            while len(rest) < len(piece):
                rest += next(expected)
            assert rest.startswith(piece)
            rest = rest[len(piece) :]
    assert (rest, next(expected, b"")) == (b"", b"")
    with client.stream("GET", address, headers={"Accept": "application/fhir+json"}) as download:
        size = sum(len(piece) for piece in watched(download.iter_bytes(100_000)))
    assert size == int(download.headers["content-length"]) > LARGEST * 4 // 3
    most = max(most, memory(server))
    assert most - before < GROWTH
    refused(client.post("/Binary", content=pieces(LARGEST + 1), headers=TYPE), 413, "body-too-large")
    with capsys.disabled():
        print(f"\n  {LARGEST // MIB} MiB in, out, and out as JSON: the server grew by {(most - before) / MIB:.1f} MiB")


def head(server: LiveServer, *headers: str, method: str = "POST", address: str = "/fhir/Binary") -> bytes:
    lines = (
        f"{method} {address} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {server.token()}",
        "Content-Type: application/pdf",
    )
    return "\r\n".join([*lines, *headers, "", ""]).encode()


def answer_of(connection: socket.socket, seconds: float = 20) -> bytes:
    connection.settimeout(seconds)
    received = b""
    with suppress(ConnectionError, TimeoutError):
        while b"\r\n\r\n" not in received and (part := connection.recv(65536)):
            received += part
    return received


def until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def logged(server: LiveServer, **wanted: object) -> int:
    lines = [json.loads(line) for line in server.log.read_bytes().splitlines() if line.startswith(b"{")]
    return sum(all(line.get(name) == value for name, value in wanted.items()) for line in lines)


def test_what_says_that_it_is_too_large_is_refused_before_it_is_sent(server: LiveServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head(server, f"Content-Length: {LARGEST + 1}", "Expect: 100-continue"))
        assert answer_of(connection).startswith(b"HTTP/1.1 413 ")
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head(server, "Content-Length: 1000000", "Expect: 100-continue").replace(b"Bearer ", b"Bearer x"))
        assert answer_of(connection).startswith(b"HTTP/1.1 401 ")
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head(server, "Content-Length: 8", "Expect: 100-continue"))
        assert answer_of(connection).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"%PDF-1.7")
        assert answer_of(connection).startswith(b"HTTP/1.1 201 ")


def test_a_body_without_end_is_broken_off_at_the_limit(server: LiveServer) -> None:
    before = memory(server)
    piece = b"%x\r\n%s\r\n" % (MIB, b"%PDF-" + bytes(MIB - 5))
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head(server, "Transfer-Encoding: chunked"))
        connection.settimeout(30)
        with suppress(ConnectionError):
            for _ in range(60):
                connection.sendall(piece)
        assert answer_of(connection).startswith(b"HTTP/1.1 413 ")
    assert memory(server) - before < GROWTH


@pytest.mark.parametrize("headers", [("Content-Length: 5000000",), ("Transfer-Encoding: chunked",)])
def test_who_goes_away_in_the_middle_leaves_nothing(server: LiveServer, headers: tuple[str, ...]) -> None:
    name = f"half-{len(headers[0])}"
    body = b"%PDF-" + bytes(2 * MIB)
    sent = body if "Length" in headers[0] else b"%x\r\n%s\r\n" % (len(body), body)
    ended = logged(server, event="request", method="PUT", status=400)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head(server, *headers, method="PUT", address=f"/fhir/Binary/{name}") + sent)
        time.sleep(0.2)
    assert until(lambda: logged(server, event="request", method="PUT", status=400) > ended)
    refused(server.client().get(f"/Binary/{name}"), 404, "not-found")


def test_whoever_stops_taking_or_hangs_up_does_no_harm(server: LiveServer) -> None:
    client = server.client()
    id_ = client.post("/Binary", content=pieces(12 * MIB), headers=TYPE).json()["id"]
    before = memory(server)
    idle = []
    for _ in range(6):
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(head(server, method="GET", address=f"/fhir/Binary/{id_}"))
        idle.append(connection)
    assert len(client.get(f"/Binary/{id_}").content) == 12 * MIB
    assert memory(server) - before < GROWTH
    for connection in idle:
        connection.close()
    assert len(client.get(f"/Binary/{id_}").content) == 12 * MIB


def test_many_at_once(server: LiveServer) -> None:
    client = server.client()

    def there_and_back(number: int) -> bool:
        size = MIB + number * 1000
        answer = client.post("/Binary", content=pieces(size), headers=TYPE)
        return client.get(f"/Binary/{answer.json()['id']}").content == b"".join(pieces(size))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(there_and_back, range(12)))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LiveServer]:
    program = LiveServer(tmp_path / "data", ASSENT_SAMPLE="0")
    program.start()
    yield program
    program.stop()


def test_a_server_that_is_killed_while_it_takes_something_in_has_none_of_it(own: LiveServer) -> None:
    assert own.client().put("/Binary/whole", content=pieces(MIB), headers=TYPE).status_code == 201
    with socket.create_connection(("127.0.0.1", own.port)) as connection:
        connection.sendall(head(own, f"Content-Length: {8 * MIB}", method="PUT", address="/fhir/Binary/half"))
        connection.sendall(b"%PDF-" + bytes(4 * MIB))
        store = own.data / "assent.db"
        assert until(lambda: rows(store, "SELECT count(*) FROM chunk") >= 8)
        own.kill()
    own.start()
    client = own.client()
    assert client.get("/Binary/whole").content == b"".join(pieces(MIB))
    refused(client.get("/Binary/half"), 404, "not-found")
    assert rows(store, "SELECT count(*) FROM blob WHERE state = 0") == 1
    with closing(apsw.Connection(str(store))) as database:
        database.set_busy_timeout(5000)
        database.execute("UPDATE blob SET begun = 1 WHERE state = 0")
    own.stop()
    assert assent("fsck", data=own.data).returncode == 0
    own.start()
    assert until(lambda: rows(store, "SELECT count(*) FROM blob") == 1)
    assert rows(store, "SELECT count(*) FROM chunk") == 3
    assert own.client().get("/Binary/whole").content == b"".join(pieces(MIB))


def rows(store: Path, sql: str) -> int:
    with closing(apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READONLY)) as database:
        database.set_busy_timeout(5000)
        (found,) = database.execute(sql).fetchone() or (0,)
        return int(found)


DAMAGES = {
    "end": ("DELETE FROM chunk WHERE place = {first} + 3", "Its content lacks chunk 4 of 4: it is truncated"),
    "middle": ("DELETE FROM chunk WHERE place = {first} + 1", "Its content lacks chunk 2 of 4: it is truncated"),
    "cut": (
        "UPDATE chunk SET body = substr(body, 1, 1000) WHERE place = {first} + 2",
        "In its content chunk 3 of 4 does not open",
    ),
    "moved": (
        "UPDATE chunk SET body = (SELECT body FROM chunk WHERE place = {first} + 1) WHERE place = {first}",
        "In its content chunk 1 of 4 does not open",
    ),
    "another": (
        "UPDATE chunk SET body = (SELECT body FROM chunk WHERE place = 1048576) WHERE place = {first}",
        "In its content chunk 1 of 4 does not open",
    ),
    "deleted": ("DELETE FROM chunk WHERE place = {first}", "Its content lacks chunk 1 of 4"),
}


def test_damage_is_named_and_never_sent_as_if_it_were_whole(own: LiveServer) -> None:
    size = 3 * CHUNK + 10
    client = own.client()
    for name in ("good", *DAMAGES):
        assert client.put(f"/Binary/{name}", content=pieces(size), headers=TYPE).status_code == 201
    client.delete("/Binary/deleted")
    own.stop()
    with closing(apsw.Connection(str(own.data / "assent.db"))) as database:
        for row, (sql, _) in enumerate(DAMAGES.values(), 2):
            database.execute(sql.format(first=row * 1048576))
        database.execute("INSERT INTO blob (id, tenant, begun, state) VALUES (x'aa', 1, 1, 1)")
    told = assent("fsck", data=own.data)
    assert told.returncode == 1
    for name, (_, words) in DAMAGES.items():
        assert f"default Binary/{name} version 1: {words}" in told.stdout
    assert "The content aa of tenant 1 belongs to no version" in told.stdout
    assert "Binary/good" not in told.stdout
    own.start()
    client = own.client()
    assert client.get("/Binary/good").content == b"".join(pieces(size))
    for name in ("moved", "another"):
        assert client.get(f"/Binary/{name}").status_code == 500
    for name in ("end", "middle", "cut"):
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(f"/Binary/{name}")
        part = client.get(f"/Binary/{name}", headers={"Range": "bytes=0-99"})
        assert part.content == b"".join(pieces(size))[:100]
    assert until(lambda: logged(own, exception="DamagedRecordError") == 5)


def test_no_word_of_a_document_is_in_any_file_or_log(server: LiveServer) -> None:
    note = b"The patient Villanueva told of her unspeakable-secret-4711 today.\n"
    for content in (note * 20, note * 20_000):
        answer = server.client().post("/Binary", content=content, headers={"Content-Type": "text/plain"})
        assert answer.status_code == 201
    files = [path for path in server.data.rglob("*") if path.is_file()]
    assert len(files) >= 3
    for path in [*files, server.log]:
        assert b"unspeakable-secret" not in path.read_bytes(), path
