"""Why a store cannot answer, in words for the operator: `/ready`, commands and a start that fails say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.store.store import StoreUnavailableError, Trouble

_WORDS: Final[Mapping[Trouble, str]] = {
    "full": "has too little room left on its disk",
    "read-only": "is on a disk that takes no writes",
    "disk": "is on a disk that fails",
    "slow": "waits too long for its disk or database",
    "busy": "has more to do than it can",
    "away": "does not reach its database",
    "unknown": "does not do what it should",
}


def in_words(error: StoreUnavailableError) -> str:
    """Goes on after "The store"."""
    return _WORDS[error.trouble]
