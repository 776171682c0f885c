"""`assent serve` on a disk whose weather is a file of JSON, named by the first argument: the fields of `Weather`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fickle_disk import FickleDisk, Weather

import server.cli


def main(forecast: Path) -> int:
    def weather() -> Weather:
        return Weather(**json.loads(forecast.read_text()))

    FickleDisk(weather).install()
    return server.cli.main(["serve"])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
