"""How the built-in payer and the connector behave; the defaults suit a demonstration and a test bench."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class PayerSettings:
    """`scenarios`: whether testers may ask for an answer: of every payer, of none, or (`auto`) of registered ones marked for it.
    `answer_within` bounds the wait for a decision: PAS wants the whole answer within 15 seconds (spec-7).

    `pend_for`: the time that the scenario pend-approve and a slow decision take. `review_for`: manual review,
    which ends as `review_outcome` says, or (`person`) never by itself.
    `information_wait`: how long the payer waits for documents. `valid_days`: an approval without a policy that says.
    `decision_reason_codes`: codes of the licensed X12 list (external/886) for our reason codes, where an operator has it.
    """

    unknown_payer: Literal["review", "refuse"] = "review"
    scenarios: Literal["auto", "on", "off"] = "auto"
    answer_within: timedelta = timedelta(seconds=12)
    pend_for: timedelta = timedelta(seconds=5)
    review_for: timedelta = timedelta(seconds=60)
    review_outcome: Literal["approve", "deny", "person"] = "approve"
    information_wait: timedelta = timedelta(days=14)
    valid_days: int = 90
    slow_seconds: float = 30.0
    cancelled_action: Literal["C", "NA", "CT"] = "C"
    decision_reason_codes: Mapping[str, str] = field(default_factory=dict)
    remote_timeout: timedelta = timedelta(seconds=10)
    remote_retry_after: timedelta = timedelta(seconds=30)
    remote_poll_after: timedelta = timedelta(minutes=15)
    remote_attempts: int = 20
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
