"""W4: transactions of one Patient and one Observation of them, by urn, with a birth date and a value drawn at random.

The shape is that of Blaze's performance page on transactions.
"""

from __future__ import annotations

import random
from typing import Any
from uuid import uuid4

from benchmarks.workloads.caller import Caller, Record
from benchmarks.workloads.w1_crud import RESOURCES
from profiles.json import dumps


async def scenario(caller: Caller, record: Record, number: int, given: dict[str, Any]) -> None:
    source = random.Random(number)
    while not record.over:
        urn = f"urn:uuid:{uuid4()}"
        day = f"{source.randrange(1930, 2020)}-{source.randrange(1, 13):02}-{source.randrange(1, 29):02}"
        patient = {"resourceType": "Patient", "gender": "male", "birthDate": day}
        quantity = {**RESOURCES["Observation"]["valueQuantity"], "value": source.randrange(60, 200)}
        observation = {"resourceType": "Observation", "status": "final", "code": RESOURCES["Observation"]["code"],
            "subject": {"reference": urn}, "effectiveDateTime": "2024-05-17T09:30:00Z", "valueQuantity": quantity}  # fmt: skip
        entries = [
            {"fullUrl": urn, "resource": patient, "request": {"method": "POST", "url": "Patient"}},
            {"resource": observation, "request": {"method": "POST", "url": "Observation"}},
        ]
        body = dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
        await caller.ask("transaction", "POST", "", body)
