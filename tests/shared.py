"""The shared data beside the checkout (specifications' examples, Synthea), for tests of any area."""

from __future__ import annotations

from pathlib import Path

import pytest
from shared_data import DATA  # tests/profiles/shared_data.py, which conftest.py puts on the path


def shared_data() -> Path:
    """The data folder. Skips the test where it is absent."""
    if not DATA.is_dir():
        pytest.skip("the shared data is not beside this checkout (set ASSENT_SHARED)")
    return DATA
