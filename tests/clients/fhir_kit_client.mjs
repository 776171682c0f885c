// What an author would write with fhir-kit-client, once over; what came of it is printed as JSON (tests/clients/test_fhir_kit_client.py).
import { CapabilityTool, Client } from "fhir-kit-client";

const client = new Client({ baseUrl: process.env.BASE, bearerToken: process.env.TOKEN });
const resourceType = "Patient";
const identifier = [{ system: "urn:fhir-kit-client", value: "1" }];
const criteria = "identifier=urn:fhir-kit-client|1";
const told = {};
const ids = bundle => bundle.entry.filter(each => each.search?.mode !== "include").map(each => each.resource.id);
const status = async promise => promise.then(() => 200, error => error.response.status);

const made = await client.create({ resourceType, body: { resourceType, identifier } });
const id = made.id;
const options = { headers: { "If-None-Exist": criteria } };
told.conditional = (await client.create({ resourceType, body: { resourceType, identifier }, options })).id === id;
told.updated = (await client.update({ resourceType, id, body: { ...made, active: true } })).active;
const body = { resourceType, identifier, active: false };
told.conditionallyUpdated = (await client.update({ resourceType, searchParams: { identifier: criteria.split("=")[1] }, body })).id === id;
const jsonPatch = [{ op: "test", path: "/active", value: false }, { op: "add", path: "/gender", value: "other" }];
told.patched = (await client.patch({ resourceType, id, jsonPatch, options: { headers: { "If-Match": 'W/"3"' } } })).gender;
told.stale = await status(client.patch({ resourceType, id, jsonPatch, options: { headers: { "If-Match": 'W/"3"' } } }));
told.read = (await client.read({ resourceType, id })).meta.versionId;
told.vread = (await client.vread({ resourceType, id, version: "2" })).active;
told.versions = (await client.history({ resourceType, id })).entry.map(each => each.request.method);
told.typeHistory = (await client.history({ resourceType })).type;
told.systemHistory = (await client.history()).type;

const searchParams = { _count: 4, _sort: "birthdate", _revinclude: ["Observation:subject", "Coverage:beneficiary"] };
const first = await client.search({ resourceType, searchParams });
const second = await client.nextPage({ bundle: first });
told.forward = ids(second).every(each => !ids(first).includes(each)) && ids(second).length;
told.back = JSON.stringify(ids(await client.prevPage({ bundle: second }))) === JSON.stringify(ids(first));
told.included = [...new Set(first.entry.filter(each => each.search.mode === "include").map(each => each.resource.resourceType))].sort();
const postSearch = { postSearch: true };
told.form = (await client.search({ resourceType, searchParams: { _id: id }, options: postSearch })).total;
const compartment = { resourceType, id: "p01" };
const ofCompartment = { resourceType: "Observation", compartment, searchParams: { status: "final" } };
told.compartment = ids(await client.search(ofCompartment));
told.compartmentForm = ids(await client.search({ ...ofCompartment, options: postSearch }));
told.system = (await client.search({ searchParams: { _type: "Patient,Observation", _id: id } })).total;

const reference = `Patient/${id}`;
const get = { request: { method: "GET", url: reference } };
told.batch = (await client.batch({ body: { resourceType: "Bundle", type: "batch", entry: [get, { request: { method: "GET", url: "Patient/nobody" } }] } }))
  .entry.map(each => each.response.status);
const fullUrl = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a";
const written = await client.transaction({ body: { resourceType: "Bundle", type: "transaction", entry: [
  { fullUrl, resource: { resourceType }, request: { method: "POST", url: "Patient" } },
  { resource: { resourceType: "Observation", status: "final", code: { text: "kit" }, subject: { reference: fullUrl } }, request: { method: "POST", url: "Observation" } },
] } });
const [patient, observation] = written.entry.map(each => each.response.location.split("/_history")[0]);
const stored = await client.request(observation);
told.transaction = stored.subject.reference === patient.split("/").slice(-2).join("/");
told.resolved = (await client.resolve({ reference: stored.subject.reference })).id === patient.split("/").pop();

told.everything = ids(await client.operation({ name: "$everything", ...compartment, method: "GET", input: { _count: 2 } })).length;
const input = { resourceType: "Parameters", parameter: [{ name: "_count", valuePositiveInt: 2 }] };
told.everythingPosted = ids(await client.operation({ name: "everything", ...compartment, input })).length;
told.validated = (await client.operation({ name: "validate", resourceType, input: { resourceType, gender: "f" } })).issue[0].severity;
const capabilities = new CapabilityTool(await client.capabilityStatement());
told.can = capabilities.resourceCan("Patient", "patch") && capabilities.resourceSearch("Patient", "birthdate");
told.smart = new URL((await client.smartAuthMetadata()).tokenUrl).pathname;
await client.delete({ resourceType, id });
told.gone = await status(client.read({ resourceType, id }));
told.refused = await status(client.search({ resourceType, searchParams: { nonsense: 1 } }));
console.log(JSON.stringify(told));
