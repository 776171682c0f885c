"""Who is counted for what, and what a caller is told: RateLimit, RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers), Retry-After.

Counted by account and by client where a token says who asks, and by address where none does. What is counted is this process's
own: servers side by side count apart.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Mapping
from typing import Final

from server.rates.meter import Meter
from server.rates.policies import Policy
from server.seldom import Seldom

_NOTHING: Final[Mapping[str, str]] = {}


class RateLimitedError(Exception):
    """Too many requests. `headers` belong on the answer; another one is let in after `seconds`."""

    def __init__(self, headers: Mapping[str, str], seconds: int) -> None:
        super().__init__(f"Too many requests: wait {seconds} seconds.")
        self.headers = headers
        self.seconds = seconds


class Rates:
    """The meters of one process. A policy that is not among `policies` limits nothing."""

    def __init__(
        self,
        policies: Mapping[str, Policy],
        refused: Seldom | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._meters = {name: Meter(policy) for name, policy in policies.items()}
        self._policies = {
            kind: ", ".join(policies[name].stated for name in (kind, "client") if name in policies)
            for kind in ("reads", "writes")
        }
        self._refused = refused
        self._clock = clock

    def caller(self, tenant: str, account: str, client: str, *, stores: bool) -> Mapping[str, str]:
        """Count a FHIR request; headers for its answer. Raises RateLimitedError."""
        kind = "writes" if stores else "reads"
        own, shared = self._meters.get(kind), self._meters.get("client")
        now = self._clock()
        ahead = own.take((tenant, account), now) if own is not None else 0.0
        if own is not None and ahead < 0:
            raise self._over(own, ahead, self._policies[kind])
        if shared is not None and (behind := shared.take((tenant, client), now)) < 0:
            raise self._over(shared, behind, self._policies[kind])
        if own is None:
            return _NOTHING
        return {"RateLimit": own.stated(ahead), "RateLimit-Policy": self._policies[kind]}

    def charge(self, tenant: str, account: str, client: str, count: int) -> None:
        """Count requests more that one brought: entries of a Bundle."""
        now = self._clock()
        for name, key in (("writes", account), ("client", client)):
            if name in self._meters and count > 0:
                self._meters[name].charge((tenant, key), now, count)

    def address(self, name: str, address: str) -> Mapping[str, str]:
        """Count something that nobody in particular asks for, by where it comes from. Raises RateLimitedError."""
        return self.take(name, network_of(address))

    def take(self, name: str, key: object) -> Mapping[str, str]:
        """Count by what `key` says; headers for the answer. Raises RateLimitedError."""
        meter = self._meters.get(name)
        if meter is None:
            return _NOTHING
        ahead = meter.take(key, self._clock())
        if ahead < 0:
            raise self._over(meter, ahead, meter.policy.stated)
        return {"RateLimit": meter.stated(ahead), "RateLimit-Policy": meter.policy.stated}

    def _over(self, meter: Meter, behind: float, policies: str) -> RateLimitedError:
        if self._refused is not None:
            self._refused.note(meter.policy.name, status=429)
        seconds = int(-behind) + 1
        stated = f'"{meter.policy.name}";r=0;t={seconds}'
        return RateLimitedError({"RateLimit": stated, "RateLimit-Policy": policies, "Retry-After": str(seconds)}, seconds)


def network_of(address: str) -> str:
    """What a household or a machine has of the address space: an address of IPv4, or the first 64 bits of one of IPv6."""
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(found) >> 64 << 64))
