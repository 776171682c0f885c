"""The server's settings: one table from which the parsing, the defaults and docs/configuration.md are made.

Every setting is an environment variable. A value that cannot be used is refused at the start, in one sentence.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from server.documents.type_names import DEFAULT_TYPES, parse_content_type
from server.seal.key_text import key_from_text

EMBEDDED: Final = "embedded"
"""The value of ASSENT_STORE that names no database server."""

MAXIMUM_TOKEN_LIFETIME: Final = 366 * 24 * 3600
"""Seconds. A token that outlives this is a password."""


class ConfigurationError(Exception):
    """The server cannot start like this. The message is one sentence for the person who started it."""


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


def _whole_number(minimum: int, maximum: int) -> Callable[[str, str], int]:
    def parse(variable: str, value: str) -> int:
        if re.fullmatch(r"[0-9]{1,18}", value) is None or not minimum <= int(value) <= maximum:
            raise ConfigurationError(f"{variable} must be a whole number from {minimum} to {maximum}.")
        return int(value)

    return parse


def _one_of(*allowed: str) -> Callable[[str, str], str]:
    def parse(variable: str, value: str) -> str:
        if value.lower() not in allowed:
            raise ConfigurationError(f"{variable} must be one of: {', '.join(allowed)}.")
        return value.lower()

    return parse


def _flag(variable: str, value: str) -> bool:
    return _one_of("1", "true", "0", "false")(variable, value) in {"1", "true"}


def _host(variable: str, value: str) -> str:
    if re.fullmatch(r"[0-9A-Za-z.:_-]{1,253}", value) is None:
        raise ConfigurationError(f"{variable} must be a host name or an address to listen on, such as 127.0.0.1.")
    return value


def _folder(variable: str, value: str) -> Path:
    if "\0" in value:
        raise ConfigurationError(f"{variable} must be the path of a folder.")
    return Path(value).expanduser().absolute()


def _store(variable: str, value: str) -> str:
    if value == EMBEDDED or re.match(r"mongodb(\+srv)?://[^/\s]", value):
        return value
    raise ConfigurationError(
        f"{variable} must be {EMBEDDED}, or the address of a MongoDB server, "
        "such as mongodb://localhost:27017/assent?replicaSet=rs0."
    )


def _base_url(variable: str, value: str) -> str:
    if not value:
        return ""
    problem = f"{variable} must be an http or https address without query or fragment, such as https://fhir.example.org."
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError as error:
        raise ConfigurationError(problem) from error
    if not usable or parts.query or parts.fragment or parts.username is not None or re.search(r"[\s\"<>\\]", value):
        raise ConfigurationError(problem)
    return value.rstrip("/")


def _addresses(variable: str, value: str) -> tuple[str, ...]:
    addresses = tuple(part.strip() for part in value.split(",") if part.strip())
    try:
        for address in addresses:
            ipaddress.ip_network(address)
    except ValueError as error:
        raise ConfigurationError(f"{variable} must be IP addresses or networks separated by commas.") from error
    return addresses


def _key(variable: str, value: str) -> bytes | None:
    if not value:
        return None
    key = key_from_text(value)
    if key is None:
        raise ConfigurationError(f"{variable} must be a key of 32 bytes in hexadecimal or base64.")
    return key


def _file(variable: str, value: str) -> Path | None:
    if "\0" in value:
        raise ConfigurationError(f"{variable} must be the path of a file.")
    return Path(value).expanduser().absolute() if value else None


def _command(variable: str, value: str) -> str:
    try:
        if value and (not shlex.split(value) or "\0" in value):
            raise ValueError
    except ValueError as error:
        raise ConfigurationError(f"{variable} must be a command with its arguments, quoted as in a shell.") from error
    return value


def _content_types(variable: str, value: str) -> frozenset[str]:
    names = [part.strip() for part in value.split(",") if part.strip()]
    added = [name.removeprefix("+") for name in names if name.startswith("+")]
    instead = [name for name in names if not name.startswith("+")]
    if any(parse_content_type(name).name != name for name in [*added, *instead]):
        raise ConfigurationError(f"{variable} must be content types in lower case, such as application/pdf,+image/webp.")
    return frozenset([*(instead or DEFAULT_TYPES), *added])


def _check_key_sources(environ: Mapping[str, str]) -> None:
    named = [variable for variable in KEY_SOURCES if environ.get(variable, "").strip()]
    if len(named) > 1:
        raise ConfigurationError(f"{' and '.join(named)} are set, and the master key has one source: unset all but one.")


KEY_SOURCES: Final = ("ASSENT_MASTER_KEY", "ASSENT_MASTER_KEY_FILE", "ASSENT_MASTER_KEY_COMMAND")

SETTINGS: Final = (
    Setting("ASSENT_HOST", "host", "127.0.0.1", "Address to listen on; `0.0.0.0` for every interface.", _host),
    Setting("ASSENT_PORT", "port", "8080", "Port to listen on.", _whole_number(1, 65535)),
    Setting(
        "ASSENT_DATA",
        "data",
        "assent-data",
        "Folder that holds the store and the keys; one server at a time may use it. A relative path starts at the "
        "working directory.",
        _folder,
    ),
    Setting("ASSENT_SAMPLE", "sample", "1", "`0` or `false` starts an empty store without the synthetic practice.", _flag),
    Setting(
        "ASSENT_STORE",
        "store",
        EMBEDDED,
        "Where the data is kept: `embedded` is SQLite in the data folder; `mongodb://host:27017/assent?replicaSet=rs0` is "
        "MongoDB 6 or later as a replica set (docs/store.md).",
        _store,
    ),
    Setting(
        "ASSENT_BASE_URL",
        "base_url",
        "",
        "Address under which callers reach the server, when it is not `http://ASSENT_HOST:ASSENT_PORT` (behind a proxy).",
        _base_url,
    ),
    Setting("ASSENT_MAX_BODY", "max_body", str(50 * 2**20), "Largest request body, in bytes.", _whole_number(1024, 2**31)),
    Setting(
        "ASSENT_MAX_REQUESTS",
        "max_requests",
        "1000",
        "How many requests may be under way together; more are answered with 503.",
        _whole_number(1, 100_000),
    ),
    Setting(
        "ASSENT_JOBS_PER_CALLER",
        "jobs_per_caller",
        "10",
        "How many requests with `Prefer: respond-async` of one caller may wait or be under way; more are answered with 429.",
        _whole_number(1, 10_000),
    ),
    Setting(
        "ASSENT_JOBS_PER_TENANT",
        "jobs_per_tenant",
        "200",
        "The same for all callers of a tenant together.",
        _whole_number(1, 100_000),
    ),
    Setting(
        "ASSENT_JOB_RESULT_TTL",
        "job_result_ttl",
        str(24 * 3600),
        "Seconds for which the result of such a request, or the reason of its failure, can be fetched.",
        _whole_number(60, 366 * 24 * 3600),
    ),
    Setting(
        "ASSENT_JOB_RESULT_BYTES",
        "job_result_bytes",
        str(64 * 2**20),
        "Largest such result. Of a batch, answers beyond it are told without their resources.",
        _whole_number(1024, 2**31),
    ),
    Setting(
        "ASSENT_JOB_LEASE",
        "job_lease",
        "30",
        "Seconds after which another server goes on with the job of one that fell silent.",
        _whole_number(2, 3600),
    ),
    Setting(
        "ASSENT_DISK_RESERVE",
        "disk_reserve",
        str(64 * 2**20),
        "Bytes that the embedded store leaves free on its disk: when less is free, changes are answered with 507, and what is "
        "left is for the audit records of reads.",
        _whole_number(0, 2**40),
    ),
    Setting(
        "ASSENT_MAX_DOCUMENT",
        "max_document",
        str(50 * 2**20),
        "Largest content of a Binary or an attachment, in bytes. What is sent in JSON is limited by `ASSENT_MAX_BODY` as well.",
        _whole_number(1024, 2**38),
    ),
    Setting(
        "ASSENT_DOCUMENT_TYPES",
        "document_types",
        "",
        "Content types that Binary and attachments may have, separated by commas; empty for the list in docs/documents.md. "
        "A type that begins with `+` is taken besides those of the list.",
        _content_types,
    ),
    Setting(
        "ASSENT_LINK_SECONDS",
        "link_seconds",
        "900",
        "Longest time for which a signed download link is good.",
        _whole_number(1, 24 * 3600),
    ),
    Setting(
        "ASSENT_LOG_LEVEL",
        "log_level",
        "info",
        "Least level that is logged: `debug`, `info`, `warning` or `error`. Requests are logged at `info`.",
        _one_of("debug", "info", "warning", "error"),
    ),
    Setting(
        "ASSENT_UNKNOWN_PAYER",
        "unknown_payer",
        "review",
        "What becomes of a request to an insurer that the server does not know: `review` pends it (see "
        "`ASSENT_REVIEW_OUTCOME`), "
        "`refuse` answers with an error.",
        _one_of("review", "refuse"),
    ),
    Setting(
        "ASSENT_SCENARIOS",
        "scenarios",
        "auto",
        "Whether a tester may ask the built-in payer for a given answer: `on`, `off`, or `auto` (only payers that are "
        "marked for it, as those of the synthetic practice are).",
        _one_of("auto", "on", "off"),
    ),
    Setting(
        "ASSENT_REVIEW_OUTCOME",
        "review_outcome",
        "auto",
        "How the built-in payer, behind which nobody sits, ends a manual review: `approve`, `deny`, or `person`: never by "
        "itself. `auto` is `approve` with the synthetic practice and `person` without it.",
        _one_of("auto", "approve", "deny", "person"),
    ),
    Setting(
        "ASSENT_REVIEW_SECONDS",
        "review_seconds",
        "30",
        "After how many seconds the built-in payer ends a manual review.",
        _whole_number(1, 366 * 24 * 3600),
    ),
    Setting(
        "ASSENT_TOKEN_TTL",
        "token_ttl",
        str(8 * 3600),
        "Seconds for which a token of `assent token` is valid, unless `--expires` says otherwise.",
        _whole_number(60, MAXIMUM_TOKEN_LIFETIME),
    ),
    Setting(
        "ASSENT_CONDITIONAL_DELETE",
        "conditional_delete",
        "single",
        "What `DELETE Type?criteria` does when several resources match: `single` refuses with 412, `multiple` deletes them "
        "all (at most 1000).",
        _one_of("single", "multiple"),
    ),
    Setting(
        "ASSENT_TRUSTED_PROXIES",
        "trusted_proxies",
        "",
        "IP addresses or networks, separated by commas, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. "
        "Nobody's by default, because the audit record names the caller's address.",
        _addresses,
    ),
    Setting(
        "ASSENT_MASTER_KEY",
        "master_key",
        "",
        "The master key itself: 32 bytes in hexadecimal or base64. Without one of the three, `master.key` in the data folder "
        "is the key, made on the first start.",
        _key,
    ),
    Setting(
        "ASSENT_MASTER_KEY_FILE",
        "master_key_file",
        "",
        "A file elsewhere that holds the master key, such as a mounted secret. It is never made, and others must not read it.",
        _file,
    ),
    Setting(
        "ASSENT_MASTER_KEY_COMMAND",
        "master_key_command",
        "",
        "A command that prints the master key, such as a key manager's client. It is run once at the start, without a shell.",
        _command,
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
