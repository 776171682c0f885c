"""fhirpy and SMART's client-py against the running program: what an author would do with each, from create to transaction."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.condition import Condition
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.models.valueset import ValueSet
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, OperationOutcome, ResourceNotFound
from fhirpy.base.searchset import Raw
from live_server import LiveServer
from people import PATIENT
from tokens import bearer

pytestmark = pytest.mark.slow

URN = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"


def mother_and_child(text: str) -> list[dict[str, Any]]:
    """The entries of a transaction: a patient, and an observation of that patient."""
    about = {"status": "final", "code": {"text": text}, "subject": {"reference": URN}}
    return [
        {"fullUrl": URN, "resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}},
        {"resource": {"resourceType": "Observation", **about}, "request": {"method": "POST", "url": "Observation"}},
    ]


def local(location: str) -> str:
    """`Type/id` of what a transaction says that it made."""
    return "/".join(urlsplit(location).path.partition("/_history/")[0].split("/")[-2:])


# -- fhirpy ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def fhirpy(live_server: LiveServer) -> AsyncFHIRClient:
    return AsyncFHIRClient(live_server.base, authorization=f"Bearer {live_server.token('administrator')}")


def numbered(fhirpy: AsyncFHIRClient, value: str, **more: Any) -> Any:
    return fhirpy.resource("Patient", identifier=[{"system": "urn:fhirpy", "value": value}], **more)


async def test_fhirpy_creates_changes_and_deletes(fhirpy: AsyncFHIRClient) -> None:
    made = numbered(fhirpy, "1", active=True)
    assert await made.is_valid()
    await made.save()
    await made.patch(active=False, birthDate="1990-01-01")  # as plain JSON: merged
    assert (made["meta"]["versionId"], made["active"], made["birthDate"]) == ("2", False, "1990-01-01")
    made["gender"] = "female"
    await made.update()
    await made.refresh()
    assert made["gender"] == "female"
    history = await fhirpy.execute(f"Patient/{made.id}/_history", "get")
    assert [each["request"]["method"] for each in history["entry"]] == ["PUT", "PUT", "POST"]
    await made.delete()
    with pytest.raises(ResourceNotFound, match="deleted"):
        await fhirpy.reference("Patient", made.id).to_resource()


async def test_fhirpy_names_by_criteria(fhirpy: AsyncFHIRClient) -> None:
    by_number = fhirpy.resources("Patient").search(identifier="urn:fhirpy|2")
    made, is_new = await by_number.get_or_create(numbered(fhirpy, "2"))
    again, is_new_again = await by_number.get_or_create(numbered(fhirpy, "2"))
    assert (is_new, is_new_again, again.id) == (True, False, made.id)
    changed, is_new = await by_number.update(numbered(fhirpy, "2", active=True))
    assert (changed.id, is_new) == (made.id, False)
    with pytest.warns(DeprecationWarning, match="first arg"):
        assert (await by_number.patch(gender="other")).id == made.id
    assert await by_number.count() == 1
    await numbered(fhirpy, "2").save()
    with pytest.raises(MultipleResourcesFound):
        await by_number.get_or_create(numbered(fhirpy, "2"))
    with pytest.raises(OperationOutcome):
        await fhirpy.resources("Patient").search(nonsense="x").get_or_create(numbered(fhirpy, "3"))
    assert await fhirpy.resources("Patient").search(identifier="urn:fhirpy|3").count() == 0


async def test_fhirpy_searches(fhirpy: AsyncFHIRClient) -> None:
    whole = await fhirpy.resources("Condition").limit(1000).fetch()
    paged = [each.id async for each in fhirpy.resources("Condition").sort("-recorded-date", "_id").limit(5)]
    assert len(whole) > 5
    assert sorted(paged) == sorted(each.id for each in whole)
    raw = (
        await fhirpy.resources("Observation")
        .search(patient=f"Patient/{PATIENT}")
        .include("Observation", "subject")
        .fetch_raw()
    )
    assert {each["search"]["mode"] for each in raw["entry"]} == {"match", "include"}
    backwards = fhirpy.resources("Patient").search(_id=PATIENT).revinclude("Observation", "subject")
    assert {each["resource"]["resourceType"] for each in (await backwards.fetch_raw())["entry"]} == {
        "Patient",
        "Observation",
    }
    (narrow,) = await fhirpy.resources("Patient").search(_id=PATIENT).elements("name").fetch()
    assert set(narrow) == {"resourceType", "id", "meta", "name", "active"}  # which modifies what else is said
    chained = fhirpy.resources("Observation").search(patient__Patient__birthdate__ge="1900", status="final")
    assert await chained.count() > 0
    having = fhirpy.resources("Patient").search(Raw(**{"_has:Observation:patient:status": "final"}))
    assert PATIENT in [each.id async for each in having.limit(3)]


async def test_fhirpy_runs_a_transaction_and_operations(fhirpy: AsyncFHIRClient) -> None:
    bundle = fhirpy.resource("Bundle", type="transaction", entry=mother_and_child("fhirpy"))
    answered = await fhirpy.execute("", data=bundle.serialize())
    patient, observation = (local(each["response"]["location"]) for each in answered["entry"])
    assert (await fhirpy.reference(reference=observation).to_resource())["subject"]["reference"] == patient
    everything = await fhirpy.reference(reference=patient).execute("$everything", method="get")
    assert {f"{each['resource']['resourceType']}/{each['resource']['id']}" for each in everything["entry"]} == {
        patient,
        observation,
    }
    lookup = {"system": "http://hl7.org/fhir/administrative-gender", "code": "female"}
    assert (await fhirpy.resources("CodeSystem").execute("$lookup", "get", params=lookup))["resourceType"] == "Parameters"


# -- client-py ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def smart(live_server: LiveServer) -> Any:
    """Its server object, with a token that it has not got by itself (tests/clients/test_python_clients.py does that)."""
    client = FHIRClient(settings={"app_id": "python-app", "api_base": live_server.base})
    client.prepare()
    client.server.session.headers.update(bearer(live_server.token("administrator")))
    return client.server


def status_of(error: pytest.ExceptionInfo[requests.HTTPError]) -> int:
    return int(error.value.response.status_code)


def test_client_py_creates_changes_and_deletes(smart: Any) -> None:
    identifier = [{"system": "urn:client-py", "value": "1"}]
    made = Patient({"identifier": identifier, "active": True}).create(smart)
    patient = Patient.read(made["id"], smart)
    patient.active = False
    assert patient.update()["meta"]["versionId"] == "2"
    history = Bundle.read_from(f"Patient/{patient.id}/_history", smart)
    assert [each.request.method for each in history.entry] == ["PUT", "POST"]
    smart.session.headers["If-None-Exist"] = "identifier=urn:client-py|1"
    assert Patient({"identifier": identifier}).create(smart)["id"] == patient.id
    del smart.session.headers["If-None-Exist"]
    change = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
        {"name": "type", "valueCode": "replace"}, {"name": "path", "valueString": "Patient.active"}, {"name": "value", "valueBoolean": True},
    ]}]}  # fmt: skip
    sent = smart.session.patch(f"{smart.base_uri}{patient.relativePath()}", json=change)  # it has no way of its own
    assert Patient(sent.json()).active
    assert patient.delete() is None
    with pytest.raises(requests.HTTPError) as error:
        Patient.read(patient.id, smart)
    assert status_of(error) == 410


def test_client_py_searches(smart: Any) -> None:
    whole = {each.id for each in Condition.where({"_count": "1000"}).perform_resources_iter(smart)}
    paged = [each.id for each in Condition.where({"_count": "5", "_sort": "-recorded-date"}).perform_resources_iter(smart)]
    assert (set(paged), len(paged)) == (whole, len(whole))
    forwards = Observation.where({"patient": PATIENT}).include("subject").perform_resources_iter(smart)
    assert {each.resource_type for each in forwards} == {"Observation", "Patient"}
    backwards = Patient.where({"_id": PATIENT}).include("subject", Observation, reverse=True).perform_resources_iter(smart)
    assert {each.resource_type for each in backwards} == {"Observation", "Patient"}
    either = Patient.where({"_id": {"$or": [PATIENT, "p02"]}, "birthdate": "gt1900"}).perform_resources_iter(smart)
    assert sorted(each.id for each in either) == [PATIENT, "p02"]
    with pytest.raises(requests.HTTPError) as error:
        list(Patient.where({"birthdate": {"$gt": "1900"}}).perform_resources_iter(smart))
    assert status_of(error) == 400  # it writes >1900, as before R4's prefixes


def test_client_py_runs_a_transaction_and_operations(smart: Any) -> None:
    answered = Bundle(Bundle({"type": "transaction", "entry": mother_and_child("client-py")}).create(smart))
    patient, observation = (local(each.response.location) for each in answered.entry)
    assert Observation.read_from(observation, smart).subject.reference == patient
    everything = Bundle.read_from(f"{patient}/$everything", smart)
    assert {each.resource.relativePath() for each in everything.entry} == {patient, observation}
    url = "http://hl7.org/fhir/ValueSet/administrative-gender"
    assert len(ValueSet.read_from(f"ValueSet/$expand?url={url}", smart).expansion.contains) == 4
