from __future__ import annotations

import pytest
from memory_context import Memory
from pas_examples import PAYER

from operations.pas.services import PasServices
from operations.payer.settings import PayerSettings


@pytest.fixture
def memory() -> Memory:
    """A store in which one payer is registered, which allows scenarios and reviews what no policy covers."""
    made = Memory()
    made.put(PAYER)
    return made


@pytest.fixture
def services() -> PasServices:
    return PasServices(PayerSettings())
