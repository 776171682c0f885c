"""A store of the first release under this program: told, copied as it is, brought up to date by a server, and then whole."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from live_server import LiveServer
from program import assent, refused

from server.store.sqlite.migrations import newest_version


def made_earlier(data: Path) -> None:
    """Give a store the schema of the first release: what came later is taken away."""
    old = (Path(__file__).parents[1] / "store" / "schema_two.sql").read_text("utf-8").partition("\n-- A record")[0]
    with closing(sqlite3.connect(data / "earlier.db")) as earlier:
        earlier.executescript(old)
        earlier.execute("ATTACH ? AS now", (str(data / "assent.db"),))
        for table in ("resource", "version", "term", "interval", "unique_key", "audit"):
            earlier.execute(f"INSERT INTO main.{table} SELECT * FROM now.{table}")
        earlier.execute("INSERT INTO main.setting SELECT * FROM now.setting WHERE name IN ('tenants', 'audit-watermark')")
        earlier.execute("PRAGMA user_version = 2")
        earlier.commit()
    for name in ("assent.db", "assent.db-wal", "assent.db-shm"):
        (data / name).unlink(missing_ok=True)
    (data / "earlier.db").rename(data / "assent.db")


@pytest.mark.slow
def test_a_store_of_the_first_release_is_brought_up_to_date(tmp_path: Path) -> None:
    server = LiveServer(tmp_path / "data", ASSENT_SAMPLE="0")
    server.start()
    for family in ("Ink", "Quill"):
        body = {"resourceType": "Patient", "id": "p", "name": [{"family": family}]}
        assert server.client().put("/Patient/p", json=body).is_success
    assert server.client().get("/AuditEvent?type=rest").json()["entry"]
    server.stop()
    made_earlier(server.data)

    refused(assent("fsck", data=server.data), "earlier Assent (schema 2")
    refused(assent("backup", str(tmp_path / "x"), data=server.data), "backup --copy")
    assert assent("backup", "--copy", str(tmp_path / "copy"), data=server.data).returncode == 0
    server.start()
    assert f"from schema 2 to {newest_version()}" in server.log.read_text()
    until_indexed(server)
    assert server.client().get("/Patient?family=quill").json()["entry"]
    assert len(server.client().get("/Patient/_history").json()["entry"]) == 2
    server.stop()
    assert assent("fsck", data=server.data, ASSENT_BASE_URL=server.root).stdout.endswith("all is well.\n")

    data = tmp_path / "restored"
    data.mkdir(mode=0o700)
    shutil.copy2(server.data / "master.key", data)
    assert assent("restore", str(tmp_path / "copy"), data=data).returncode == 0
    assert assent("reindex", data=data).returncode == 0
    assert assent("fsck", data=data).stdout.endswith("all is well.\n")


def until_indexed(server: LiveServer) -> None:
    """While the index is made anew, nothing is answered by half."""
    while (answer := server.client().get("/Patient?family=quill")).status_code != 200:
        assert answer.status_code == 503
        assert "index-rebuilding" in answer.text
        time.sleep(0.2)
