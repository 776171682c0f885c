"""The real program on a disk whose weather the test makes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from live_server import CHECKOUT, LiveServer


class WeatherServer(LiveServer):
    """`forecast(sync_fails=True)`: the fields of `fickle_disk.Weather`; none is good weather."""

    def forecast(self, **weather: object) -> None:
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps(weather))
        draft.rename(self._file)

    @property
    def _file(self) -> Path:
        return self.data.with_name(self.data.name + ".weather")

    def _spawn(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        if not self._file.exists():
            self.forecast()
        paths = {"PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "tests" / "weather")])}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, CHECKOUT / "tests" / "weather" / "disk_server.py", self._file],
                cwd=CHECKOUT,
                env=environment | paths,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
