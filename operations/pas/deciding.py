"""From a payer's determination to answered items, and to what is said about the whole."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from operations.packet import Packet
from operations.pas.answers import ItemAnswer, Numbering, answer
from operations.pas.circumstances import circumstances
from operations.pas.claim_view import RequestedItem
from operations.pas.numbers import fresh_number
from operations.payer.determination import Determination, ItemDecision, Later, Reason
from operations.payer.payer import Case, Payer
from operations.payer.settings import PayerSettings
from operations.ports import Context
from profiles.pas_names import PENDED


async def determine(payer: Payer, case: Case) -> Determination:
    """The payer's determination, or "not decided yet" once the time for an answer is over (PAS spec-7)."""
    if not case.items:
        return Determination()
    try:
        return await asyncio.wait_for(payer.review(case), case.settings.answer_within.total_seconds())
    except TimeoutError:
        due = case.context.now() + case.settings.pend_for
        sequences = tuple(item.sequence for item in case.items)
        text = "The payer needs more time; the decision follows. Ask for it with $inquire."
        return Determination(pending(case.items, text), later=(Later(due, sequences, waited=False),))


def pending(items: Sequence[RequestedItem], text: str) -> tuple[ItemDecision, ...]:
    return tuple(ItemDecision(item.sequence, PENDED, (Reason("review", text),)) for item in items)


def answered(
    determination: Determination,
    items: Sequence[RequestedItem],
    packet: Packet,
    context: Context,
    settings: PayerSettings,
    references: Mapping[int, str] | None = None,
) -> list[ItemAnswer]:
    """An answer for every item that was put before the payer. `references` are pended references given out before."""
    numbering = Numbering(
        lambda: fresh_number("AUTH", context.new_id),
        lambda: fresh_number("PEND", context.new_id),
        context.now().date(),
        settings.decision_reason_codes,
    )
    known = references or {}
    by_sequence = {each.sequence: each for each in determination.decisions}
    answers = []
    for item in items:
        decision = by_sequence.get(item.sequence)
        if decision is None:
            text = "The payer has not answered this item yet."
            decision = ItemDecision(item.sequence, PENDED, (Reason("review", text),))
        around = circumstances(item, packet)
        answers.append(answer(decision, item, numbering, around, known.get(item.sequence)))
    return answers


def still_waiting(settled: Sequence[ItemAnswer], context: Context, settings: PayerSettings) -> list[Later]:
    """Items that an update left pended: the authorization that waited for them is replaced, so this one waits anew."""
    now = context.now()
    waiting = tuple(each.sequence for each in settled if each.action == PENDED and each.asks)
    reviewing = tuple(each.sequence for each in settled if each.action == PENDED and not each.asks)
    later = [Later(now + settings.review_for, reviewing)] if reviewing and settings.review_outcome != "person" else []
    if waiting:
        due = now + settings.information_wait
        later.append(Later(due, waiting, due.date()))
    return later
