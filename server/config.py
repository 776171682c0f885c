"""The server's settings: one table from which the parsing, the defaults and docs/configuration.md are made.

Every setting is an environment variable. A value that cannot be used is refused at the start, in one sentence.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from server import setting_values as kinds
from server.setting_values import EMBEDDED, ConfigurationError
from server.validation_levels import Levels

__all__ = [
    "EMBEDDED",
    "KEY_SOURCES",
    "MAXIMUM_TOKEN_LIFETIME",
    "SETTINGS",
    "ConfigurationError",
    "Setting",
    "Settings",
    "settings_table",
]

LONGEST_ACCESS_TOKEN: Final = 3600
"""Seconds for which a token of the authorization server lives, whatever the setting was when it was issued."""

MAXIMUM_TOKEN_LIFETIME: Final = 366 * 24 * 3600
"""Seconds. A token that outlives this is a password."""


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
    job_lease: int
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
    client_registration: Literal["off", "administrator", "open"]
    inner_networks: tuple[str, ...]
    audit_days: int
    validation: Levels
    consent: Literal["opt-out", "opt-in"]
    trusted_proxies: tuple[str, ...] = ()
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
        values["base_url"] = values["base_url"] or _own_address(values["host"], values["port"])
        _check_key_sources(environ)
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `default` is what an unset or empty variable stands for."""

    variable: str
    field: str
    default: str
    meaning: str
    parse: Callable[[str, str], Any]


def _check_key_sources(environ: Mapping[str, str]) -> None:
    named = [variable for variable in KEY_SOURCES if environ.get(variable, "").strip()]
    if len(named) > 1:
        raise ConfigurationError(f"{' and '.join(named)} are set, and the master key has one source: unset all but one.")


KEY_SOURCES: Final = ("ASSENT_MASTER_KEY", "ASSENT_MASTER_KEY_FILE", "ASSENT_MASTER_KEY_COMMAND")

SETTINGS: Final = (
    Setting("ASSENT_HOST", "host", "127.0.0.1", "Address to listen on; `0.0.0.0` for every interface.", kinds.host),
    Setting("ASSENT_PORT", "port", "8080", "Port to listen on.", kinds.whole_number(1, 65535)),
    Setting(
        "ASSENT_DATA",
        "data",
        "assent-data",
        "Folder that holds the store and the keys; one server at a time may use it. A relative path starts at the "
        "working directory.",
        kinds.folder,
    ),
    Setting(
        "ASSENT_SAMPLE", "sample", "1", "`0` or `false` starts an empty store without the synthetic practice.", kinds.flag
    ),
    Setting(
        "ASSENT_STORE",
        "store",
        EMBEDDED,
        "Where the data is kept: `embedded` is SQLite in the data folder; `mongodb://host:27017/assent?replicaSet=rs0` is "
        "MongoDB 6 or later as a replica set (docs/store.md).",
        kinds.store,
    ),
    Setting(
        "ASSENT_BASE_URL",
        "base_url",
        "",
        "Address under which callers reach the server, when it is not `http://ASSENT_HOST:ASSENT_PORT` (behind a proxy).",
        kinds.base_url,
    ),
    Setting(
        "ASSENT_MAX_BODY", "max_body", str(50 * 2**20), "Largest request body, in bytes.", kinds.whole_number(1024, 2**31)
    ),
    Setting(
        "ASSENT_MAX_REQUESTS",
        "max_requests",
        "1000",
        "How many requests may be under way together; more are answered with 503.",
        kinds.whole_number(1, 100_000),
    ),
    Setting(
        "ASSENT_JOBS_PER_CALLER",
        "jobs_per_caller",
        "10",
        "How many requests with `Prefer: respond-async` of one caller may wait or be under way; more are answered with 429.",
        kinds.whole_number(1, 10_000),
    ),
    Setting(
        "ASSENT_JOBS_PER_TENANT",
        "jobs_per_tenant",
        "200",
        "The same for all callers of a tenant together.",
        kinds.whole_number(1, 100_000),
    ),
    Setting(
        "ASSENT_JOB_RESULT_TTL",
        "job_result_ttl",
        str(24 * 3600),
        "Seconds for which the result of such a request, or the reason of its failure, can be fetched.",
        kinds.whole_number(60, 366 * 24 * 3600),
    ),
    Setting(
        "ASSENT_JOB_RESULT_BYTES",
        "job_result_bytes",
        str(64 * 2**20),
        "Largest such result. Of a batch, answers beyond it are told without their resources.",
        kinds.whole_number(1024, 2**31),
    ),
    Setting(
        "ASSENT_JOB_LEASE",
        "job_lease",
        "30",
        "Seconds after which another server goes on with the job of one that fell silent.",
        kinds.whole_number(2, 3600),
    ),
    Setting(
        "ASSENT_DISK_RESERVE",
        "disk_reserve",
        str(64 * 2**20),
        "Bytes that the embedded store leaves free on its disk: when less is free, changes are answered with 507, and what is "
        "left is for the audit records of reads.",
        kinds.whole_number(0, 2**40),
    ),
    Setting(
        "ASSENT_MAX_DOCUMENT",
        "max_document",
        str(50 * 2**20),
        "Largest content of a Binary or an attachment, in bytes. What is sent in JSON is limited by `ASSENT_MAX_BODY` as well.",
        kinds.whole_number(1024, 2**38),
    ),
    Setting(
        "ASSENT_DOCUMENT_TYPES",
        "document_types",
        "",
        "Content types that Binary and attachments may have, separated by commas; empty for the list in docs/documents.md. "
        "A type that begins with `+` is taken besides those of the list.",
        kinds.content_types,
    ),
    Setting(
        "ASSENT_LINK_SECONDS",
        "link_seconds",
        "900",
        "Longest time for which a signed download link is good.",
        kinds.whole_number(1, 24 * 3600),
    ),
    Setting(
        "ASSENT_LOG_LEVEL",
        "log_level",
        "info",
        "Least level that is logged: `debug`, `info`, `warning` or `error`. Requests are logged at `info`.",
        kinds.one_of("debug", "info", "warning", "error"),
    ),
    Setting(
        "ASSENT_UNKNOWN_PAYER",
        "unknown_payer",
        "review",
        "What becomes of a request to an insurer that the server does not know: `review` pends it (see "
        "`ASSENT_REVIEW_OUTCOME`), "
        "`refuse` answers with an error.",
        kinds.one_of("review", "refuse"),
    ),
    Setting(
        "ASSENT_SCENARIOS",
        "scenarios",
        "auto",
        "Whether a tester may ask the built-in payer for a given answer: `on`, `off`, or `auto` (only payers that are "
        "marked for it, as those of the synthetic practice are).",
        kinds.one_of("auto", "on", "off"),
    ),
    Setting(
        "ASSENT_REVIEW_OUTCOME",
        "review_outcome",
        "auto",
        "How the built-in payer, behind which nobody sits, ends a manual review: `approve`, `deny`, or `person`: never by "
        "itself. `auto` is `approve` with the synthetic practice and `person` without it.",
        kinds.one_of("auto", "approve", "deny", "person"),
    ),
    Setting(
        "ASSENT_REVIEW_SECONDS",
        "review_seconds",
        "30",
        "After how many seconds the built-in payer ends a manual review.",
        kinds.whole_number(1, 366 * 24 * 3600),
    ),
    Setting(
        "ASSENT_TOKEN_TTL",
        "token_ttl",
        str(8 * 3600),
        "Seconds for which a token of `assent token` is valid, unless `--expires` says otherwise.",
        kinds.whole_number(60, MAXIMUM_TOKEN_LIFETIME),
    ),
    Setting(
        "ASSENT_CONDITIONAL_DELETE",
        "conditional_delete",
        "single",
        "What `DELETE Type?criteria` does when several resources match: `single` refuses with 412, `multiple` deletes them "
        "all (at most 1000).",
        kinds.one_of("single", "multiple"),
    ),
    Setting(
        "ASSENT_SESSION_IDLE",
        "session_idle",
        "1800",
        "Seconds without use after which a browser is signed out.",
        kinds.whole_number(60, 24 * 3600),
    ),
    Setting(
        "ASSENT_SESSION_LIFETIME",
        "session_lifetime",
        str(12 * 3600),
        "Seconds after which a browser is signed out in any case.",
        kinds.whole_number(60, 7 * 24 * 3600),
    ),
    Setting(
        "ASSENT_ACCESS_TOKEN_SECONDS",
        "access_token_seconds",
        "900",
        "Seconds for which an access token of the authorization server is good; those of backend services at most 300.",
        kinds.whole_number(30, LONGEST_ACCESS_TOKEN),
    ),
    Setting(
        "ASSENT_REFRESH_DAYS",
        "refresh_days",
        "90",
        "Days for which an app with `offline_access` may get new access tokens before its user is asked again.",
        kinds.whole_number(1, 366),
    ),
    Setting(
        "ASSENT_CLIENT_REGISTRATION",
        "client_registration",
        "off",
        "Who may register apps at `/oauth/register` (RFC 7591): nobody (`off`), an `administrator` with a token, or anybody (`open`).",
        kinds.one_of("off", "administrator", "open"),
    ),
    Setting(
        "ASSENT_INNER_NETWORKS",
        "inner_networks",
        "",
        "IP addresses or networks, separated by commas, that are not public and from which the server may fetch the keys of apps "
        "all the same, over plain http as well.",
        kinds.addresses,
    ),
    Setting(
        "ASSENT_AUDIT_DAYS",
        "audit_days",
        "2192",
        "Days for which audit records are kept, six years unless told otherwise; then they go, and a signed statement says so "
        "(docs/audit.md). `0` keeps them for ever.",
        kinds.whole_number(0, 36_500),
    ),
    Setting(
        "ASSENT_VALIDATION",
        "validation",
        "off",
        "How much of a resource is validated before it is stored, beside its structure: `off`, `base` (R4's rules) or `profile` "
        "(and the profiles that it claims); `base,Claim=profile` says another level for a type. A tenant's own levels "
        "come first (`assent tenant validation`, docs/validation.md).",
        kinds.levels,
    ),
    Setting(
        "ASSENT_CONSENT",
        "consent",
        "opt-out",
        "What holds where a patient's consents say nothing: `opt-out` shows what nobody has denied, `opt-in` hides what nobody has "
        "permitted. A tenant's own word comes first (`assent tenant consent`, docs/security.md).",
        kinds.one_of("opt-out", "opt-in"),
    ),
    Setting(
        "ASSENT_TRUSTED_PROXIES",
        "trusted_proxies",
        "",
        "IP addresses or networks, separated by commas, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. "
        "Nobody's by default, because the audit record names the caller's address.",
        kinds.addresses,
    ),
    Setting(
        "ASSENT_MASTER_KEY",
        "master_key",
        "",
        "The master key itself: 32 bytes in hexadecimal or base64. Without one of the three, `master.key` in the data folder "
        "is the key, made on the first start.",
        kinds.key,
    ),
    Setting(
        "ASSENT_MASTER_KEY_FILE",
        "master_key_file",
        "",
        "A file elsewhere that holds the master key, such as a mounted secret. It is never made, and others must not read it.",
        kinds.file,
    ),
    Setting(
        "ASSENT_MASTER_KEY_COMMAND",
        "master_key_command",
        "",
        "A command that prints the master key, such as a key manager's client. It is run once at the start, without a shell.",
        kinds.command,
    ),
)


def _own_address(host: str, port: int) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:  # every interface: the loopback address is the one that surely works
        return f"http://127.0.0.1:{port}"
    return f"http://[{host}]:{port}" if address.version == 6 else f"http://{host}:{port}"


def settings_table() -> str:
    """The table of docs/configuration.md, in Markdown."""
    rows = [f"| `{row.variable}` | {f'`{row.default}`' if row.default else '(none)'} | {row.meaning} |" for row in SETTINGS]
    return "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *rows]) + "\n"
