"""A progress bar on standard error, where that is a terminal."""

from __future__ import annotations

import sys
from typing import Final

WIDTH: Final = 40


class Bar:
    """`show` the share that is done as often as one likes: it is drawn when it has changed by a hundredth."""

    def __init__(self) -> None:
        self._shown = -1
        self.is_shown = sys.stderr.isatty()

    def show(self, share: float) -> None:
        percent = int(100 * min(share, 1))
        if self.is_shown and percent != self._shown:
            self._shown = percent
            print(f"\r[{'#' * (percent * WIDTH // 100):{WIDTH}}] {percent:3} %", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.is_shown:
            self.show(1)
            print(file=sys.stderr, flush=True)
