"""Dockerfile and compose file: what they name exists. No Docker engine is needed, and none of this proves that they run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.cli import build_parser
from server.config import SETTINGS

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
