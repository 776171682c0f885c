"""Who was told of a patient's record is part of what the patient's consents hide: it names what is in the record."""

from __future__ import annotations

from access_help import actors, consent, labelled, patient, put, refused
from in_process import House

WHO = "Practitioner/doc"


async def test_whoever_may_not_see_the_record_is_not_told_to_whom_it_was_disclosed(app: House) -> None:
    async with app.client() as client:
        await put(client, patient("p1"), patient("p2"), labelled("lab", "laboratory"))
        await put(client, consent("c", type="permit", provision=[{"type": "deny", "actor": actors(WHO)}]))
    async with app.client("patient", patient="p1", fhir_user="Patient/p1") as own:
        assert (await own.get("/Observation/lab")).status_code == 200  # which is a disclosure
        mine = (await own.get("/Patient/p1/$disclosures")).json()["parameter"]
        assert mine
    async with app.client("doctor", fhir_user=WHO) as denied:
        refused(await denied.get("/Patient/p1/$disclosures"), 404, "not-found")
        refused(await denied.get("/Patient/missing/$disclosures"), 404, "not-found")
        assert (await denied.get("/Patient/p2/$disclosures")).status_code == 200
        glass = {"X-Assent-Break-Glass": "unconscious, in the emergency room"}
        assert (await denied.get("/Patient/p1/$disclosures", headers=glass)).status_code == 200
    async with app.client("doctor", fhir_user="Practitioner/other") as other:
        assert (await other.get("/Patient/p1/$disclosures")).json()["parameter"]
    async with app.client("auditor") as auditor:  # whose work the trail is: no consent hides AuditEvents
        assert (await auditor.get("/AuditEvent/$disclosures?patient=p1")).json()["parameter"]
