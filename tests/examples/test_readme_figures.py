"""The README prints figures of real answers: they must still be the answers."""

from __future__ import annotations

import json
from pathlib import Path

from in_process import House

ROOT = Path(__file__).resolve().parents[2]
FHIR = {"Content-Type": "application/fhir+json"}
README = (ROOT / "README.md").read_text()


async def test_the_figures_of_the_preview_are_those_that_a_reader_gets(practice: House) -> None:
    body = (ROOT / "examples/bodies/lumbar-mri-gaps.json").read_bytes()
    async with practice.client("staff") as client:
        answer = await client.post("/Claim/$preview-risk", content=body, headers=FHIR)
    given = {part["name"]: part.get("valueDecimal") for part in answer.json()["parameter"]}
    for name in ("readiness", "probability"):
        assert f'{{"name": "{name}", "valueDecimal": {json.dumps(given[name])}}}' in README


async def test_the_words_of_the_decision_are_those_that_a_reader_gets(practice: House) -> None:
    body = (ROOT / "examples/bodies/lumbar-mri.json").read_bytes()
    async with practice.client("staff") as client:
        answer = await client.post("/Claim/$submit", content=body, headers=FHIR)
    decision = answer.json()["entry"][0]["resource"]
    shown = {1: 100, 3: 180}
    for number, characters in shown.items():
        text = next(note["text"] for note in decision["processNote"] if note["number"] == number)
        assert json.dumps(text)[1:-1][:characters] in README
