"""What a payer makes of a request: a decision per item, or why the request cannot be processed.

PAS 2.2.1, X12 278: the review action codes of X12 306 and the reject reasons of X12 901 (profiles/pas_names.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal

from profiles.json import Resource

ReasonCode = Literal[
    "criteria-met",
    "criteria-not-met",
    "information-missing",
    "information-not-received",
    "quantity-above-maximum",
    "no-authorization-required",
    "review",
    "decided-by-scenario",
    "certified-after-review",
    "denied-after-review",
]
"""Codes of our own CodeSystem `decision-reason`; docs/pas.md lists them."""

SIMULATED_REVIEW: Final = "Ended by the built-in payer's simulated review; no person looked at it."
"""A note of every item whose review ended by itself."""


@dataclass(frozen=True, slots=True)
class Reason:
    """`text` is for people: what was weighed, by which policy and version, and on which evidence it rests."""

    code: ReasonCode
    text: str


@dataclass(frozen=True, slots=True)
class DocumentAsk:
    """A document that the payer wants. `kind` is of the vocabulary's documents; `loinc` the attachment code, if known."""

    kind: str
    text: str
    loinc: str | None = None


@dataclass(frozen=True, slots=True)
class ItemDecision:
    """`action` is of X12 306. `quantity` is what is certified where that is less than asked for (A2, A6).

    `period` is for how long. `notes` are further sentences for people (which criterion rests on which evidence).
    """

    sequence: int
    action: str
    reasons: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = ()
    period: tuple[date, date] | None = None
    quantity: Decimal | None = None
    asks: tuple[DocumentAsk, ...] = ()


@dataclass(frozen=True, slots=True)
class BusinessError:
    """A reason not to process the request, said in the ClaimResponse (X12 901 and 889).

    `path` is FHIRPath into the request Bundle; `element` the X12 segment, where one corresponds; `error` our error code.
    """

    code: str
    followup: str
    error: str
    text: str
    path: str | None = None
    element: str | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """When the pended items `sequences` are looked at again, and until when the documents asked for should arrive.

    `waited` False: the payer only had no time to decide; nothing was waited for.
    """

    due: datetime
    sequences: tuple[int, ...]
    answer_by: date | None = None
    waited: bool = True


@dataclass(frozen=True, slots=True)
class RemoteAnswer:
    """The response Bundle of a remote payer, as it came."""

    bundle: Resource


@dataclass(frozen=True, slots=True)
class Determination:
    """Either `errors`, or a decision for every item of the case, or the answer of a remote payer."""

    decisions: tuple[ItemDecision, ...] = ()
    errors: tuple[BusinessError, ...] = ()
    later: tuple[Later, ...] = ()
    remote: RemoteAnswer | None = None
    notes: tuple[str, ...] = ()
    human_reviewed: bool = False
