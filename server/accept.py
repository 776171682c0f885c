"""What a caller would rather have: the lists of Accept and Accept-Encoding (RFC 9110 12.4.2 and 12.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_WEIGHT: Final = re.compile(r";\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)", re.IGNORECASE)


def weighted(header: str) -> Iterator[tuple[str, str, float]]:
    """(name in lower case, its parameters, its weight) of each part; one without a weight that can be read weighs 1."""
    for part in header.split(","):
        name, _, parameters = part.partition(";")
        weight = _WEIGHT.search(f";{parameters}")
        yield name.strip().lower(), parameters, float(weight[1]) if weight else 1.0
