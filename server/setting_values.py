"""What a setting may be: each function takes the variable's name and its text, and gives the value that the server works with.

They raise ConfigurationError, in one sentence that names the variable.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from server.documents.type_names import DEFAULT_TYPES, parse_content_type
from server.rates.policies import Policy, parse_policies
from server.seal.key_text import key_from_text
from server.validation_levels import LEVELS, Levels, parse_levels

EMBEDDED: Final = "embedded"
"""The value of ASSENT_STORE that names no database server."""


class ConfigurationError(Exception):
    """The server cannot start like this. The message is one sentence for the person who started it."""


def whole_number(minimum: int, maximum: int) -> Callable[[str, str], int]:
    def parse(variable: str, value: str) -> int:
        if re.fullmatch(r"[0-9]{1,18}", value) is None or not minimum <= int(value) <= maximum:
            raise ConfigurationError(f"{variable} must be a whole number from {minimum} to {maximum}.")
        return int(value)

    return parse


def one_of(*allowed: str) -> Callable[[str, str], str]:
    def parse(variable: str, value: str) -> str:
        if value.lower() not in allowed:
            raise ConfigurationError(f"{variable} must be one of: {', '.join(allowed)}.")
        return value.lower()

    return parse


def some_of(*allowed: str) -> Callable[[str, str], frozenset[str]]:
    """Any of them, separated by commas; `none` for the empty set."""

    def parse(variable: str, value: str) -> frozenset[str]:
        named = frozenset(part.strip().lower() for part in value.split(","))
        if named != {"none"} and not named <= set(allowed):
            raise ConfigurationError(
                f"{variable} must be none, or some of these, separated by commas: {', '.join(allowed)}."
            )
        return named - {"none"}

    return parse


def flag(variable: str, value: str) -> bool:
    return one_of("1", "true", "0", "false")(variable, value) in {"1", "true"}


def host(variable: str, value: str) -> str:
    if re.fullmatch(r"[0-9A-Za-z.:_-]{1,253}", value) is None:
        raise ConfigurationError(f"{variable} must be a host name or an address to listen on, such as 127.0.0.1.")
    return value


def folder(variable: str, value: str) -> Path:
    if "\0" in value:
        raise ConfigurationError(f"{variable} must be the path of a folder.")
    return _path(variable, value)


def store(variable: str, value: str) -> str:
    if value == EMBEDDED or re.match(r"mongodb(\+srv)?://[^/\s]", value):
        return value
    raise ConfigurationError(
        f"{variable} must be {EMBEDDED}, or the address of a MongoDB server, "
        "such as mongodb://localhost:27017/assent?replicaSet=rs0."
    )


def base_url(variable: str, value: str) -> str:
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


def addresses(variable: str, value: str) -> tuple[str, ...]:
    addresses = tuple(part.strip() for part in value.split(",") if part.strip())
    try:
        for address in addresses:
            ipaddress.ip_network(address)
    except ValueError as error:
        raise ConfigurationError(f"{variable} must be IP addresses or networks separated by commas.") from error
    return addresses


def key(variable: str, value: str) -> bytes | None:
    if not value:
        return None
    key = key_from_text(value)
    if key is None:
        raise ConfigurationError(f"{variable} must be a key of 32 bytes in hexadecimal or base64.")
    return key


def file(variable: str, value: str) -> Path | None:
    if "\0" in value:
        raise ConfigurationError(f"{variable} must be the path of a file.")
    return _path(variable, value) if value else None


def _path(variable: str, value: str) -> Path:
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError as error:  # the home of somebody who is not there
        raise ConfigurationError(f"{variable} names a home folder that is not known.") from error


def command(variable: str, value: str) -> str:
    try:
        if value and (not shlex.split(value) or "\0" in value):
            raise ValueError
    except ValueError as error:
        raise ConfigurationError(f"{variable} must be a command with its arguments, quoted as in a shell.") from error
    return value


def content_types(variable: str, value: str) -> frozenset[str]:
    names = [part.strip() for part in value.split(",") if part.strip()]
    added = [name.removeprefix("+") for name in names if name.startswith("+")]
    instead = [name for name in names if not name.startswith("+")]
    if any(parse_content_type(name).name != name for name in [*added, *instead]):
        raise ConfigurationError(f"{variable} must be content types in lower case, such as application/pdf,+image/webp.")
    return frozenset([*(instead or DEFAULT_TYPES), *added])


def levels(variable: str, value: str) -> Levels:
    try:
        return parse_levels(value)
    except ValueError as error:
        raise ConfigurationError(
            f"{variable} must be one of: {', '.join(LEVELS)}; and others for some types, such as base,Claim=profile."
        ) from error


def rates(variable: str, value: str) -> Mapping[str, Policy]:
    try:
        return parse_policies(value)
    except ValueError as error:
        raise ConfigurationError(f"{variable}: {error}") from error


def mail_server(variable: str, value: str) -> str:
    """An address of SMTP, or nothing."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"smtp", "smtps", "smtp+starttls"} and bool(parts.hostname) and parts.path in {"", "/"}
        _ = parts.port
    except ValueError:
        usable = False
    if value and not usable:
        raise ConfigurationError(f"{variable} must be smtps://user:password@host:port, smtp+starttls://... or smtp://...")
    return value


def mail_address(variable: str, value: str) -> str:
    """name@example.org, or nothing."""
    if value and re.fullmatch(r"[^\s@<>\"',;:()\[\]\\]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", value) is None:
        raise ConfigurationError(f"{variable} must be an address such as assent@example.org.")
    return value
