"""Dockerfile and compose file: what they name exists. No Docker engine is needed, and none of this proves that they run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.cli import build_parser
from server.config import SETTINGS, Settings
from server.connection import BODY_SECONDS, HEAD_SECONDS, IDLE_SECONDS, LARGEST_HEAD

ROOT = Path(__file__).parents[2]
VARIABLES = {row.variable for row in SETTINGS}


@pytest.fixture
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return loaded


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in lines]


def test_without_a_profile_compose_starts_the_embedded_store(compose: dict[str, Any]) -> None:
    by_default = {name for name, service in compose["services"].items() if not service.get("profiles")}
    assert by_default == {"assent"}
    assert "ASSENT_STORE" not in compose["services"]["assent"]["environment"]


def test_the_mongodb_profile_names_the_replica_set_that_it_makes(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {name for name, service in services.items() if service.get("profiles") == ["mongodb"]} == {
        "assent-mongodb",
        "mongodb",
    }
    store = services["assent-mongodb"]["environment"]["ASSENT_STORE"]
    assert store.startswith("mongodb://mongodb:27017/")
    name = store.partition("replicaSet=")[2]
    assert services["mongodb"]["command"][:2] == ["--replSet", name]
    assert f'_id: "{name}"' in services["mongodb"]["healthcheck"]["test"][-1]
    assert "ports" not in services["mongodb"]
    assert compose["networks"]["store"]["internal"] is True


def test_everything_that_compose_names_is_there(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(compose["volumes"])
        assert set(service.get("networks", [])) <= {"default", *compose["networks"]}
        assert set(service.get("depends_on", {})) <= set(compose["services"])
        assert set(service.get("environment", {})) <= VARIABLES
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_image_is_built_in_two_stages_and_does_not_run_as_root() -> None:
    steps = instructions()
    assert [value for name, value in steps if name == "FROM"] == ["python:3.12-slim AS build", "python:3.12-slim"]
    assert [value for name, value in steps if name == "USER"] == ["assent"]
    names = [name for name, _ in steps]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert not [value for name, value in steps if name in {"ARG", "ENV"} and re.search(r"KEY|SECRET|PASSWORD|TOKEN", value)]


def test_what_the_image_copies_exists_and_reaches_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    for name, value in instructions():
        if name == "COPY" and not value.startswith("--from"):
            for source in value.split()[:-1]:
                assert f"!{source}" in ignored
                assert (ROOT / source).exists(), source


def test_the_image_starts_a_command_that_exists_with_settings_that_exist() -> None:
    steps = dict(instructions())
    assert yaml.safe_load(steps["ENTRYPOINT"]) == ["assent"]
    build_parser().parse_args(yaml.safe_load(steps["CMD"]))
    settings = {part.partition("=")[0] for part in shlex.split(steps["ENV"])} - {"PATH", "PYTHONDONTWRITEBYTECODE"}
    assert settings == {"ASSENT_HOST", "ASSENT_PORT", "ASSENT_DATA"}
    assert steps["VOLUME"] == "/data"


def test_the_health_check_is_a_program_of_python() -> None:
    command = yaml.safe_load(dict(instructions())["HEALTHCHECK"].partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    assert "/health" in command[2]
    compile(command[2], "healthcheck", "exec")


def nginx() -> dict[str, str]:
    """The directives of the example by name; the last one of a name."""
    text = (ROOT / "docs/deployment.md").read_text("utf-8").partition("```nginx\n")[2].partition("```")[0]
    lines = [line.partition("#")[0].strip().rstrip(";") for line in text.splitlines()]
    return {name: value.strip() for name, _, value in (line.partition(" ") for line in lines if line)}


def test_the_nginx_example_lets_through_what_the_server_takes_and_waits_as_long() -> None:
    given, settings = nginx(), Settings.from_environment({})
    mebibytes = int(given["client_max_body_size"].removesuffix("m"))
    assert mebibytes * 2**20 == settings.max_body == settings.max_document
    assert int(given["large_client_header_buffers"].split()[1].removesuffix("k")) * 1024 == LARGEST_HEAD
    assert given["client_header_timeout"] == f"{HEAD_SECONDS:.0f}s"
    assert given["client_body_timeout"] == f"{BODY_SECONDS:.0f}s"
    assert settings.request_seconds < int(given["proxy_read_timeout"].removesuffix("s")) <= settings.request_seconds + 60
    assert IDLE_SECONDS > 60, "nginx's own upstream keepalive_timeout"
    assert given["ssl_protocols"] == "TLSv1.2 TLSv1.3"
    assert given["proxy_pass"] == f"http://{settings.host}:{settings.port}"


def test_the_nginx_example_names_the_caller_in_the_header_that_is_read_and_lets_no_caller_add_to_it() -> None:
    header, value = next(
        line.split()[1:3]
        for line in (ROOT / "docs/deployment.md").read_text("utf-8").splitlines()
        if "proxy_set_header X-" in line
    )
    assert header.lower() == Settings.from_environment({}).proxy_header
    assert value.rstrip(";") == "$remote_addr"


def test_the_nginx_example_keeps_no_addresses() -> None:
    """Its log would hold the query of every search, which names patients; the server's own log has none (server/logs.py)."""
    assert nginx()["access_log"] == "off"
