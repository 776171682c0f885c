"""A published client of Bulk Data Access downloads the synthetic practice with a token of its own, and has what is stored."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from joserfc.jwk import ECKey
from live_server import LiveServer
from program import assent
from published_client import NotToBeHadError, program

TYPES = ("Patient", "Condition", "Observation", "DocumentReference")


@pytest.mark.slow
def test_it_downloads_everything(tmp_path: Path) -> None:
    try:
        command = program()
    except NotToBeHadError as error:
        pytest.skip(str(error))
    key = ECKey.generate_key("P-384", {"alg": "ES384"}, auto_kid=True)
    public, private = tmp_path / "public.jwks", tmp_path / "private.jwks"
    public.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    private.write_text(json.dumps({"keys": [{**key.as_dict(private=True), "key_ops": ["sign"]}]}))
    server = LiveServer(tmp_path / "data", ASSENT_BULK_SETTLE="0", ASSENT_SAMPLE="1")
    server.start()
    try:
        scope = " ".join(f"system/{type_}.rs" for type_ in TYPES)
        added = assent(
            *("client", "add", "feed", "--kind", "backend", "--jwks", str(public), "--scope", scope, "--role", "staff"),
            data=server.data,
        )
        assert added.returncode == 0, added.stderr
        wanted = ["--type", ",".join(TYPES), "--no-default-filters", "--no-compression"]
        login = ["--fhir-url", server.base, "--smart-client-id", "feed", "--smart-key", str(private)]
        out = tmp_path / "out"
        run = subprocess.run(
            [command, "bulk", *login, *wanted, out], capture_output=True, text=True, timeout=300, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr
        client = server.client()
        for type_ in TYPES:
            lines = [line for file in out.rglob(f"{type_}.*ndjson") for line in file.read_text("utf-8").splitlines()]
            total = client.get(f"/{type_}?_summary=count").json()["total"]
            assert len(lines) == total > 0, type_
            for line in lines[:20]:
                resource = json.loads(line)
                assert client.get(f"/{type_}/{resource['id']}").json() == resource
    finally:
        server.stop()
