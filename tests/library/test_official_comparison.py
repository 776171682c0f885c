"""The same verdict as the official packages give, on their examples and a share of the mutations of them, when they are here.

All mutations: `PYTHONPATH=tests/profiles:tests/library python -m official_comparison` (docs/profiles.md tells the figures).
"""

from __future__ import annotations

from pathlib import Path

import official_comparison as official
import pytest
from official_comparison import Score, Told

from profiles.library import build

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all((official.FOLDER / f"{each[0]}.tgz").is_file() for each in official.PACKAGES.values()),
        reason="the guides' packages are not beside this checkout",
    ),
]

SHARES = {
    "pas-2.2.1": 0.08,
    "pas-2.0.1": 0.08,
    "us-core-6.1.0": 0.01,
    "us-core-3.1.1": 0.02,
    "hrex-1.2.0": 0.05,
    "hrex-1.0.0": 0.05,
    "crd-2.2.1": 0.05,
    "crd-2.0.1": 0.05,
    "backport-1.1.0": 0.2,
}
"""How many of the mutations are tried here: some 4,600 verdicts in half a minute to a minute."""


def explained(told: Told) -> bool:
    """Differences that docs/profiles.md explains: SDC 3.0.0 and R5's extensions are not here; a choice told in two ways."""
    code, place, rule = told
    return (
        rule in ("qrs-2", "sdcqr-3")
        or str(place).startswith("CommunicationRequest.payload[0].extension[0]")
        or (code in ("slicing", "cardinality") and ".value.ofType(" in str(place))
    )


def unexplained(score: Score) -> list[str]:
    return [case for case, theirs, ours in score.apart if not all(map(explained, theirs | ours))]


@pytest.mark.parametrize("name", SHARES)
def test_the_verdicts_are_the_same(name: str) -> None:
    score = official.compare(name, SHARES[name])
    print(f"\n{name}: {score.line()}")
    assert score.verdicts > 150
    assert score.refused > score.verdicts // 2
    assert unexplained(score) == []
    if name.startswith("pas"):
        assert score.apart == []


def test_the_tables_are_what_the_packages_say() -> None:
    folder = Path(build.__file__).parent / "facts"
    for name, table in build.tables(official.FOLDER):
        assert (folder / f"{name}.json").read_bytes() == build.written(table), name
