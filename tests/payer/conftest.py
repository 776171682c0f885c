"""The in-memory Context and the request builders are those of tests/pas."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "pas"))
