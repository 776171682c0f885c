from __future__ import annotations

from operations.payer.circuit import FAILURES_TO_OPEN, SECONDS_OPEN, Circuit


def test_opens_after_failures_and_tries_one_caller_again() -> None:
    now = 0.0
    circuit = Circuit(lambda: now)
    for _ in range(FAILURES_TO_OPEN):
        assert circuit.lets_through()
        circuit.failed()
    assert not circuit.lets_through()
    now = SECONDS_OPEN + 1
    assert circuit.lets_through()
    assert not circuit.lets_through(), "the others wait for the one that tries"
    circuit.succeeded()
    assert circuit.lets_through()
    assert circuit.lets_through()


def test_a_success_in_between_starts_the_count_anew() -> None:
    circuit = Circuit(lambda: 0.0)
    for _ in range(FAILURES_TO_OPEN - 1):
        circuit.failed()
    circuit.succeeded()
    circuit.failed()
    assert circuit.lets_through()
