"""The program over TLS, with a certificate made here: versions, headers, and one sentence for files that cannot be used."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from live_server import LiveServer
from workers import PATIENCE, eventually

from server.config import ConfigurationError, Settings
from server.tls import tls_context


def certified(folder: Path, password: bytes | None = None) -> tuple[Path, Path]:
    """A certificate that signs itself, for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "assent")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    sealing = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "server.pem", folder / "server.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].touch(0o600)
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealing))
    return files


class SecureServer(LiveServer):
    """`start` looks for it without TLS, so it is only spawned here."""

    def __init__(self, data: Path, certificate: Path, key: Path) -> None:
        named = {"ASSENT_TLS_CERTIFICATE": str(certificate), "ASSENT_TLS_KEY": str(key), "ASSENT_SAMPLE": "0"}
        super().__init__(data, **named)
        self.root = f"https://127.0.0.1:{self.port}"
        self.base = f"{self.root}/fhir"
        self.context = ssl.create_default_context(cafile=str(certificate))

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.root}/ready", verify=self.context, timeout=PATIENCE).status_code == 200
        except httpx.TransportError:
            return False

    def start(self) -> float:
        import os

        kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSENT_")}
        here = {"ASSENT_DATA": str(self.data), "ASSENT_PORT": str(self.port), "ASSENT_LOG_LEVEL": "info"}
        self._process = self._spawn({**kept, **here, **self._environment})
        eventually(self._is_ready, "the server is ready")
        return 0.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureServer]:
    folder = tmp_path_factory.mktemp("tls")
    made = SecureServer(folder / "data", *certified(folder))
    made.start()
    yield made
    made.stop()


def test_the_base_is_https_and_browsers_are_told_to_keep_to_it(server: SecureServer) -> None:
    headers = {"Authorization": f"Bearer {server.token()}"}
    with httpx.Client(verify=server.context, headers=headers, timeout=PATIENCE) as client:
        made = client.post(f"{server.base}/Patient", json={"resourceType": "Patient"})
        assert made.status_code == 201
        assert made.headers["location"].startswith(f"{server.base}/Patient/")
        for address in ("/health", "/fhir/metadata", "/fhir/Nonsense/x", "/oauth/jwks", "/oauth/authorize", "/nowhere"):
            answer = client.get(f"{server.root}{address}")
            assert answer.headers["strict-transport-security"] == "max-age=31536000", address
        discovery = client.get(f"{server.base}/.well-known/smart-configuration").json()
        assert discovery["token_endpoint"].startswith(f"{server.root}/")


@pytest.mark.parametrize(
    ("version", "welcome"),
    [
        (ssl.TLSVersion.TLSv1, False),
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
    ids=lambda value: str(getattr(value, "name", value)),
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_versions(server: SecureServer, version: ssl.TLSVersion, welcome: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")  # so that it is not this side that refuses
    context.load_verify_locations(str(server.data.parent / "server.pem"))
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as plain:
        if welcome:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                assert secure.version() == version.name.replace("_", ".")
        else:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_who_does_not_speak_tls_is_not_answered(server: SecureServer) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{server.port}/health", timeout=PATIENCE)
    assert httpx.get(f"{server.root}/health", verify=server.context, timeout=PATIENCE).status_code == 200


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    certificate, key = certified(tmp_path / "one")
    other, _ = certified(tmp_path / "two")
    _, locked = certified(tmp_path / "three", b"a word")
    assert tls_context(certificate, key) is not None
    assert tls_context(None, None) is None
    certificate.chmod(0o644)  # whatever the umask of this run says
    for pair, words in (
        ((tmp_path / "none", key), "ASSENT_TLS_CERTIFICATE: .* cannot be read"),
        ((certificate, tmp_path / "none"), "ASSENT_TLS_KEY: .* cannot be read"),
        ((other, key), "its own key"),
        ((certificate, locked), "without a password"),
        ((key, certificate), "others can reach"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            tls_context(*pair)
    key.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        tls_context(certificate, key)
    with pytest.raises(ConfigurationError, match="belong together"):
        Settings.from_environment({"ASSENT_TLS_KEY": str(key)})
