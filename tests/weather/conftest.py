"""These tests use the helpers of the tests of other areas."""

from __future__ import annotations

import sys
from pathlib import Path

for area in ("store", "rest"):
    sys.path.append(str(Path(__file__).parents[1] / area))
