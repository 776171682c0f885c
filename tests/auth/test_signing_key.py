"""The signing key: made once, private from the first moment, refused when others could have read it."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey

from server.auth.signing_key import FILE_NAME, generate, load_or_create
from server.config import ConfigurationError


def test_the_first_use_makes_a_private_key_and_the_next_finds_it(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "data"
    first = load_or_create(data)
    assert load_or_create(data).key_id == first.key_id
    assert stat.S_IMODE((data / FILE_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert [path.name for path in data.iterdir()] == [FILE_NAME]


def test_the_key_id_is_the_thumbprint_of_rfc_7638() -> None:
    key = generate()
    assert key.key_id == ECKey.import_key(key.public.as_dict()).thumbprint()
    assert key.urn == f"urn:ietf:params:oauth:jwk-thumbprint:sha-256:{key.key_id}"
    assert not key.public.is_private


def test_an_open_umask_does_not_open_the_key(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys; os.umask(0); from server.auth.signing_key import load_or_create;"
        "load_or_create(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "data")], check=True)
    assert stat.S_IMODE((tmp_path / "data" / FILE_NAME).stat().st_mode) == 0o600


def test_processes_that_start_together_end_with_one_key(tmp_path: Path) -> None:
    script = "import pathlib, sys; from server.auth.signing_key import load_or_create; sys.stdin.read(1);"
    script += "print(load_or_create(pathlib.Path(sys.argv[1])).key_id)"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("g")
        process.stdin.close()
    keys = set()
    for process in processes:
        assert process.stdout is not None
        keys.add(process.stdout.read())
        process.stdout.close()
        assert process.wait() == 0
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    load_or_create(tmp_path)
    (tmp_path / FILE_NAME).chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_or_create(tmp_path)


def pem_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a key",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        pem_of(rsa.generate_private_key(65537, 2048)),
        pem_of(ec.generate_private_key(ec.SECP384R1())),
        pem_of(ec.generate_private_key(ec.SECP256R1()), b"password"),
        generate().public.as_pem(private=False),
    ],
    ids=["empty", "text", "broken", "rsa", "p-384", "encrypted", "public"],
)
def test_what_is_no_usable_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"is not an EC P-256 private key in PEM"):
        load_or_create(tmp_path)


def test_a_link_or_a_folder_in_the_place_of_the_key_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    load_or_create(other)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / FILE_NAME).symlink_to(other / FILE_NAME)
    (tmp_path / "folder" / FILE_NAME).mkdir(parents=True)
    for name in ("linked", "folder"):
        with pytest.raises(ConfigurationError):
            load_or_create(tmp_path / name)


def test_a_folder_that_cannot_be_made_is_named_in_the_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"ASSENT_DATA") as refused:
        load_or_create(tmp_path / "file" / "data")
    assert str(tmp_path / "file" / "data") in str(refused.value)
