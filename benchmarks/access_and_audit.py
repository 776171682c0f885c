"""What access and audit cost a read: the whole program over HTTP, with both, without the one, the other, and both. `python -m benchmarks.access_and_audit`

One running server changes over every tenth of a second or so (benchmarks/switchable.py). Printed are medians over all blocks, of the processor
time of the server for one read and of the reads that it answers in a second, and what is saved by leaving out.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks import suites
from benchmarks.switchable import BLOCK, VARIANTS
from benchmarks.targets import assent

CALLERS: Final = 16
SECONDS: Final = 20.0
WARM: Final = 16
"""Blocks that are not counted."""


def main(seconds: float = SECONDS) -> None:
    suites.SECONDS = seconds
    with tempfile.TemporaryDirectory() as folder:
        blocks = Path(folder) / "blocks"
        os.environ["BENCH_BLOCKS"] = str(blocks)
        with assent(module="benchmarks.switchable") as target:
            suites.read(target, CALLERS)
        lines = [line.split("\t") for line in blocks.read_text().splitlines()[WARM:]]
    if len(lines) < 10 * len(VARIANTS):
        raise RuntimeError("There were too few reads to say anything.")
    print(f"{'reads, sixteen callers':24} {'us of processor':>16} {'a second':>10} {'saved':>8}")
    costs: dict[str, float] = {}
    for variant in VARIANTS:
        walls = [float(wall) for name, wall, _ in lines if name == variant]
        costs[variant] = statistics.median(float(used) for name, _, used in lines if name == variant) / BLOCK * 1e6
        saved = 1 - costs[variant] / costs["both"]
        print(f"{variant:24} {costs[variant]:16.1f} {BLOCK / statistics.median(walls):10,.0f} {saved:8.1%}")
    print(
        f"{len(lines)} blocks of {BLOCK}. Together they take {1 - costs['neither'] / costs['both']:.1%} of a read (aim: under 25 %)."
    )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
