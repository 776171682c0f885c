"""Where the master key comes from: exactly one source, whatever form the key is written in, and a sentence for each failure."""

from __future__ import annotations

import base64
import shlex
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process import running_house

from server.config import KEY_SOURCES, ConfigurationError, Settings
from server.seal import key_source
from server.seal.key_source import read_master_key
from server.seal.key_text import key_from_text
from server.seal.master_key import FILE_NAME, MasterKeyError

KEY = bytes(range(200, 232))


def settings(data: Path, **environ: str) -> Settings:
    return Settings.from_environment({"ASSENT_DATA": str(data), **environ})


def python(program: str) -> str:
    return shlex.join([sys.executable, "-c", program])


@given(st.binary(min_size=32, max_size=32))
def test_a_key_is_read_in_every_usual_form(key: bytes) -> None:
    plain, url = base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode()
    for text in (key.hex(), key.hex().upper(), plain, plain.rstrip("="), url, url.rstrip("="), f"  {plain}\r\n"):
        assert key_from_text(text) == key


@given(st.one_of(st.text(max_size=70), st.binary(max_size=60).filter(lambda b: len(b) != 32).map(lambda b: b.hex())))
def test_what_is_no_key_is_none(text: str) -> None:
    key = key_from_text(text)
    assert key is None or len(key) == 32


@pytest.mark.parametrize("text", ["", "00" * 31, "00" * 33, "g" * 64, "A" * 42, "A" * 44, "A" * 43 + "==", "ä" * 43])
def test_a_key_of_another_size_or_alphabet_is_none(text: str) -> None:
    assert key_from_text(text) is None


@pytest.mark.parametrize("source", KEY_SOURCES)
async def test_each_source_gives_the_key_and_makes_no_file(tmp_path: Path, source: str) -> None:
    file = tmp_path / "mounted"
    file.write_text(base64.b64encode(KEY).decode())
    file.chmod(0o440)
    values = {
        "ASSENT_MASTER_KEY": KEY.hex(),
        "ASSENT_MASTER_KEY_FILE": str(file),
        "ASSENT_MASTER_KEY_COMMAND": python(f"print({KEY.hex()!r})"),
    }
    asked = settings(tmp_path, **{source: values[source]})
    for sealed in (False, True):
        assert await read_master_key(asked, sealed=sealed) == KEY
    assert not (tmp_path / FILE_NAME).exists()
    assert KEY.hex() not in repr(asked)


def test_two_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ASSENT_MASTER_KEY and ASSENT_MASTER_KEY_COMMAND are set") as seen:
        settings(tmp_path, ASSENT_MASTER_KEY=KEY.hex(), ASSENT_MASTER_KEY_COMMAND="kms get")
    assert KEY.hex() not in str(seen.value)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (python("print('secret')"), "did not print a key"),
        (python("print('00' * 32, '00' * 32)"), "did not print a key"),
        (python("import sys; sys.exit('secret')"), "failed .exit code 1."),
        (python(f"print({KEY.hex()!r}); raise SystemExit(3)"), "failed .exit code 3."),
        ("/nowhere/kms get", "cannot be run"),
    ],
)
async def test_a_command_that_gives_no_key_is_told_without_what_it_printed(
    tmp_path: Path, command: str, sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(MasterKeyError, match=sentence) as seen:
        await read_master_key(settings(tmp_path, ASSENT_MASTER_KEY_COMMAND=command), sealed=False)
    assert "secret" not in str(seen.value)
    assert capfd.readouterr() == ("", "")


async def test_a_command_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_source, "COMMAND_SECONDS", 0.2)
    with pytest.raises(MasterKeyError, match="did not end"):
        await read_master_key(settings(tmp_path, ASSENT_MASTER_KEY_COMMAND="sleep 30"), sealed=False)


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [(None, 0, "cannot be read"), ("x", 0o600, "does not hold"), ("00" * 32, 0o644, "Others can")],
)
async def test_a_file_that_gives_no_key_is_told(tmp_path: Path, content: str | None, mode: int, sentence: str) -> None:
    file = tmp_path / "mounted"
    if content is not None:
        file.write_text(content)
        file.chmod(mode)
    with pytest.raises(MasterKeyError, match=sentence):
        await read_master_key(settings(tmp_path, ASSENT_MASTER_KEY_FILE=str(file)), sealed=False)


async def test_the_server_lives_on_a_key_from_the_environment_and_refuses_another(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running_house(data, ASSENT_MASTER_KEY=KEY.hex()) as house, house.client() as client:
        assert (await client.put("/Patient/p", json={"resourceType": "Patient", "id": "p"})).status_code == 201
    assert not (data / FILE_NAME).exists()
    with pytest.raises(ConfigurationError, match="not the one that this store was sealed with"):
        async with running_house(data, ASSENT_MASTER_KEY="00" * 32):
            pass
    with pytest.raises(ConfigurationError, match="is not here"):
        async with running_house(data):
            pass
    command = python(f"print({KEY.hex()!r})")
    async with running_house(data, ASSENT_MASTER_KEY_COMMAND=command) as house, house.client() as client:
        assert (await client.get("/Patient/p")).status_code == 200
