"""Which limits there are, their defaults, and how a setting changes them: data.

The defaults are far above what one well-meant caller does, and what this server can do for one on a single machine; they hold back
whoever guesses, scans or floods.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_POLICY: Final = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,5})")


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `quota` requests at once, and no more in any `window` seconds in the long run."""

    name: str
    quota: int
    window: int
    meaning: str

    @property
    def stated(self) -> str:
        """As an item of the field RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers)."""
        return f'"{self.name}";q={self.quota};w={self.window}'


DEFAULTS: Final = (
    Policy("reads", 600_000, 60, "FHIR reads and searches (GET, HEAD, `_search`) of an account (a token's `sub`)"),
    Policy("writes", 180_000, 60, "all other FHIR requests of an account; each entry of a batch or transaction is one"),
    Policy(
        "client",
        1_200_000,
        60,
        "FHIR requests through an app or backend service (a token's `client_id`), for all who use it",
    ),
    Policy("open", 12_000, 60, "requests without a good token, from an address"),
    Policy("forms", 600, 60, "forms of the pages that are sent, from an address: signing in above all"),
    Policy(
        "tokens",
        6_000,
        60,
        "tokens asked for, looked up or revoked, launches, and SCIM, from an address; and tokens for a client",
    ),
    Policy("registration", 100, 3600, "apps that are registered, from an address"),
    Policy("bad-links", 60, 60, "download links that were not good, from an address"),
)
NAMES: Final = tuple(policy.name for policy in DEFAULTS)


def parse_policies(text: str) -> Mapping[str, Policy]:
    """The policies that hold, by name. Raises ValueError with a sentence."""
    given = {policy.name: policy for policy in DEFAULTS}
    if text.lower() == "off":
        return MappingProxyType({})
    for part in () if text.lower() == "on" else text.split(","):
        name, _, rate = (word.strip().lower() for word in part.partition("="))
        match = _POLICY.fullmatch(rate)
        if name not in NAMES or (match is None and rate != "off"):
            raise ValueError(f"say on, off, or limits such as reads=6000/60 or registration=off, for {', '.join(NAMES)}.")
        if match is None:
            given.pop(name, None)
        else:
            meaning = next(policy.meaning for policy in DEFAULTS if policy.name == name)
            given[name] = Policy(name, int(match[1]), int(match[2]), meaning)
    return MappingProxyType(given)


def policy_table() -> str:
    """The table of docs/security.md, in Markdown."""
    rows = [f"| `{policy.name}` | {policy.quota:,} in {policy.window:,} s | {policy.meaning} |" for policy in DEFAULTS]
    return "\n".join(["| limit | default | what is counted |", "| --- | --- | --- |", *rows]) + "\n"
