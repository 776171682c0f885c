"""The server's settings, made from one table (server/setting_rows.py), as docs/configuration.md is.

Every setting is an environment variable. A value that cannot be used is refused at the start, in one sentence.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from server.rates.policies import Policy
from server.setting import Setting
from server.setting_rows import LONGEST_ACCESS_TOKEN, MAXIMUM_TOKEN_LIFETIME, SETTINGS
from server.setting_values import EMBEDDED, ConfigurationError
from server.validation_levels import Levels

__all__ = [
    "EMBEDDED",
    "KEY_SOURCES",
    "LONGEST_ACCESS_TOKEN",
    "MAXIMUM_TOKEN_LIFETIME",
    "SETTINGS",
    "ConfigurationError",
    "Setting",
    "Settings",
    "settings_table",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment asks for, checked. `base_url` has no trailing slash; sizes are bytes, times seconds."""

    host: str
    port: int
    data: Path
    sample: bool
    store: str = field(repr=False)
    base_url: str
    max_body: int
    max_requests: int
    jobs_per_caller: int
    jobs_per_tenant: int
    job_result_ttl: int
    job_result_bytes: int
    bulk_settle: int
    bulk_file_bytes: int
    job_lease: int
    subscriptions_per_caller: int
    subscriptions_per_tenant: int
    subscription_retry: int
    subscription_event_days: int
    smtp: str = field(repr=False)
    smtp_from: str
    disk_reserve: int
    max_document: int
    document_types: frozenset[str]
    link_seconds: int
    log_level: Literal["debug", "info", "warning", "error"]
    unknown_payer: Literal["review", "refuse"]
    scenarios: Literal["auto", "on", "off"]
    review_outcome: Literal["approve", "deny", "person"]
    review_seconds: int
    token_ttl: int
    conditional_delete: Literal["single", "multiple"]
    session_idle: int
    session_lifetime: int
    access_token_seconds: int
    refresh_days: int
    second_factor: Literal["optional", "administrators", "everybody"]
    invitation_days: int
    client_registration: Literal["off", "administrator", "open"]
    inner_networks: tuple[str, ...]
    audit_days: int
    validation: Levels
    provenance: frozenset[str]
    consent: Literal["opt-out", "opt-in"]
    request_seconds: int
    rate_limits: Mapping[str, Policy]
    trusted_proxies: tuple[str, ...] = ()
    proxy_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    master_key: bytes | None = field(default=None, repr=False)
    master_key_file: Path | None = None
    master_key_command: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read every setting; raises `ConfigurationError` naming the variable that cannot be used."""
        values = {
            row.field: row.parse(row.variable, environ.get(row.variable, "").strip() or row.default) for row in SETTINGS
        }
        if values["review_outcome"] == "auto":
            values["review_outcome"] = "approve" if values["sample"] else "person"
        scheme = "https" if values["tls_certificate"] else "http"
        values["base_url"] = values["base_url"] or _own_address(scheme, values["host"], values["port"])
        _check_key_sources(environ)
        if (values["tls_certificate"] is None) != (values["tls_key"] is None):
            raise ConfigurationError("ASSENT_TLS_CERTIFICATE and ASSENT_TLS_KEY belong together: set both, or neither.")
        return cls(**values)


def _check_key_sources(environ: Mapping[str, str]) -> None:
    named = [variable for variable in KEY_SOURCES if environ.get(variable, "").strip()]
    if len(named) > 1:
        raise ConfigurationError(f"{' and '.join(named)} are set, and the master key has one source: unset all but one.")


KEY_SOURCES: Final = ("ASSENT_MASTER_KEY", "ASSENT_MASTER_KEY_FILE", "ASSENT_MASTER_KEY_COMMAND")


def _own_address(scheme: str, host: str, port: int) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"{scheme}://{host}:{port}"
    if address.is_unspecified:  # every interface: the loopback address is the one that surely works
        return f"{scheme}://127.0.0.1:{port}"
    return f"{scheme}://[{host}]:{port}" if address.version == 6 else f"{scheme}://{host}:{port}"


def settings_table() -> str:
    """The table of docs/configuration.md, in Markdown."""
    rows = [f"| `{row.variable}` | {f'`{row.default}`' if row.default else '(none)'} | {row.meaning} |" for row in SETTINGS]
    return "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *rows]) + "\n"
