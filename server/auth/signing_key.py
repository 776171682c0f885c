"""The key that signs access tokens: ES256 (RFC 7518 3.4), made on the first run, kept in the data folder as PKCS #8 PEM.

The file is complete and private from the moment it has its name: it is written under another name, opened with O_EXCL and
mode 0600, and linked into place, which fails if somebody was faster. Two processes that start together end with one key.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from server.config import ConfigurationError
from server.durable import sync

FILE_NAME: Final = "signing-key.pem"
ALGORITHM: Final = "ES256"
_CURVE: Final = "P-256"
_LARGEST_FILE: Final = 16_384


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its id, the RFC 7638 thumbprint."""

    private: ECKey
    key_id: str

    @property
    def urn(self) -> str:
        """RFC 9278: the key as a URI. Tokens of `assent token` name it as issuer and audience (see `access_token`)."""
        return f"urn:ietf:params:oauth:jwk-thumbprint:sha-256:{self.key_id}"

    @property
    def public(self) -> ECKey:
        """The public half, for checking signatures."""
        return ECKey.import_key(self.private.as_dict(private=False))


def load_or_create(data: Path) -> SigningKey:
    """The key of a data folder, made if there is none. Raises `ConfigurationError` if it cannot be read or kept safe."""
    path = data / FILE_NAME
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path)
        return _parse(path, _read_private(path))
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {data} cannot hold the signing key ({os.strerror(error.errno or 0)}): "
            "make the folder writable for this user, or name another one in ASSENT_DATA."
        ) from error


def generate() -> SigningKey:
    """A new key, not stored anywhere."""
    return _with_id(ECKey.generate_key(_CURVE))


def _with_id(key: ECKey) -> SigningKey:
    return SigningKey(key, key.thumbprint())


def _create(path: Path) -> None:
    pem = generate().private.as_pem(private=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was faster: its key is the key
            os.link(draft, path)
    finally:
        draft.unlink()
    sync(path.parent)


def _read_private(path: Path) -> bytes:
    """The file's bytes, once its mode (of the opened file, not of the name) shows that nobody else can read it."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise ConfigurationError(f"The signing key {path} is not a plain file.")
        if state.st_mode & 0o077:
            raise ConfigurationError(
                f"Other users of this machine can reach the signing key {path}: "
                f"run `chmod 600 {path}`, or delete it to have a new one made (which ends all tokens)."
            )
        return file.read(_LARGEST_FILE)


def _parse(path: Path, pem: bytes) -> SigningKey:
    problem = f"The signing key {path} is not an EC P-256 private key in PEM: delete it to have a new one made."
    try:
        key = ECKey.import_key(pem)
    except (JoseError, ValueError, TypeError) as error:
        raise ConfigurationError(problem) from error
    if not key.is_private or key.curve_name != _CURVE:
        raise ConfigurationError(problem)
    return _with_id(key)
