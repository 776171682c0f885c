"""TLS of the server itself (RFC 8446, RFC 9325): a certificate and its key from files, TLS 1.2 at the least, the ciphers of OpenSSL's defaults."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

from server.setting_values import ConfigurationError


def tls_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """None without a certificate. Raises ConfigurationError for files that cannot be used, or a key that others can read."""
    if certificate is None or key is None:
        return None
    for variable, path in (("ASSENT_TLS_CERTIFICATE", certificate), ("ASSENT_TLS_KEY", key)):
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            raise ConfigurationError(f"{variable}: the file {path} cannot be read.") from error
    if key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"ASSENT_TLS_KEY: others can reach the file {key}: run `chmod 600` on it.")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_none)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(
            "ASSENT_TLS_CERTIFICATE and ASSENT_TLS_KEY must be a certificate and its own key, in PEM, without a password."
        ) from error
    return context


def _none() -> str:
    """For a key that wants a password: refused, where OpenSSL would ask the terminal and wait."""
    return ""
