"""Temporary addresses are replaced wherever R4 lets one stand, and nowhere else."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import needs_examples, paths, read

from profiles.base_validation import validate_resource
from profiles.references import iter_references, rewrite_references

OLD = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"
NEW = "Patient/1"
MAPPING = {OLD: NEW, "Practitioner?identifier=x|1": "Practitioner/2", "http://a/?x=1&y=2": "Binary/3"}


def rewritten(**elements: Any) -> dict[str, Any]:
    resource = rewrite_references({"resourceType": "DocumentReference", **elements}, MAPPING)
    return {key: resource[key] for key in elements}


def test_references_uris_and_attachments() -> None:
    elements = {
        "subject": {"reference": OLD, "display": OLD},
        "author": [{"reference": "Practitioner?identifier=x|1"}, {"reference": "Patient/9"}],
        "content": [{"attachment": {"url": OLD, "title": OLD}}],
        "extension": [{"url": OLD, "valueUri": OLD}, {"url": "http://x", "valueString": OLD}],
        "_status": {"extension": [{"url": "http://x", "valueReference": {"reference": OLD}}]},
        "implicitRules": OLD,
        "meta": {"profile": [OLD, f"{OLD}|1"], "versionId": OLD},
    }
    assert rewritten(**elements) == {
        "subject": {"reference": NEW, "display": OLD},
        "author": [{"reference": "Practitioner/2"}, {"reference": "Patient/9"}],
        "content": [{"attachment": {"url": NEW, "title": OLD}}],
        "extension": [{"url": NEW, "valueUri": NEW}, {"url": "http://x", "valueString": OLD}],
        "_status": {"extension": [{"url": "http://x", "valueReference": {"reference": NEW}}]},
        "implicitRules": NEW,
        "meta": {"profile": [NEW, f"{NEW}|1"], "versionId": OLD},
    }


def test_identifiers_keep_their_values() -> None:
    identifier = {"system": "urn:ietf:rfc:3986", "value": OLD}
    assert rewritten(identifier=[identifier], masterIdentifier=identifier)["identifier"] == [identifier]


def test_links_and_images_in_the_narrative() -> None:
    div = f'<div>{OLD} <a href="{OLD}">x</a> <img src=\'{OLD}\'/> <a href="http://a/?x=1&amp;y=2">y</a> <a name="{OLD}"/></div>'
    assert rewritten(text={"status": "generated", "div": div})["text"]["div"] == (
        f'<div>{OLD} <a href="{NEW}">x</a> <img src=\'{NEW}\'/> <a href="Binary/3">y</a> <a name="{OLD}"/></div>'
    )


def test_contained_resources_parameters_and_inner_bundles() -> None:
    inner = {"resourceType": "Observation", "subject": {"reference": OLD}}
    assert rewritten(contained=[inner])["contained"][0]["subject"]["reference"] == NEW
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "a", "part": [{"name": "b", "valueUuid": OLD}]}]}
    assert rewrite_references(parameters, MAPPING)["parameter"][0]["part"][0]["valueUuid"] == NEW
    bundle = {"resourceType": "Bundle", "entry": [{"resource": inner}]}
    assert rewrite_references(bundle, MAPPING)["entry"][0]["resource"]["subject"]["reference"] == NEW


def test_questionnaire_items_recur() -> None:
    item = {"linkId": "1", "item": [{"linkId": "2", "definition": OLD}]}
    resource = {"resourceType": "Questionnaire", "item": [item]}
    assert rewrite_references(resource, MAPPING)["item"][0]["item"][0]["definition"] == NEW


def test_the_argument_is_never_changed_and_shared_where_nothing_changes() -> None:
    resource = {
        "resourceType": "Observation",
        "code": {"coding": [{"system": "http://x"}]},
        "subject": {"reference": OLD},
    }
    before = copy.deepcopy(resource)
    changed = rewrite_references(resource, MAPPING)
    assert resource == before
    assert changed["code"] is resource["code"]
    assert list(changed) == list(resource)
    assert rewrite_references(resource, {"urn:uuid:other": "x"}) is resource
    assert rewrite_references(resource, {}) is resource


@needs_examples
def test_a_whole_transaction_ends_up_without_temporary_references() -> None:
    bundle = read(paths("synthea/smart-2019/*.json.gz")[0])
    mapping = {e["fullUrl"]: f"{e['resource']['resourceType']}/{i}" for i, e in enumerate(bundle["entry"])}
    for entry in bundle["entry"]:
        resource = rewrite_references(entry["resource"], mapping)
        assert not [place for holder, key, place in iter_references(resource) if holder[key] in mapping]
        assert validate_resource(resource) == []


leaves = st.none() | st.booleans() | st.just(OLD) | st.text(max_size=4)
names = st.sampled_from(
    [
        "reference",
        "url",
        "subject",
        "extension",
        "contained",
        "resourceType",
        "text",
        "div",
        "meta",
        "profile",
        "valueUri",
        "_id",
    ]
)
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4))


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(names, anything, max_size=6))
def test_no_json_makes_it_raise_or_changes_its_shape(value: dict[str, Any]) -> None:
    value["resourceType"] = "Observation"
    before = copy.deepcopy(value)
    changed = rewrite_references(value, {OLD: NEW})
    assert value == before
    assert str(changed).replace(NEW, OLD) == str(before)


def test_depth_does_not_matter() -> None:
    value: Any = {"url": OLD, "valueUri": OLD}
    for _ in range(3000):
        value = {"url": "http://x", "extension": [value]}
    resource = {"resourceType": "Observation", "extension": [value]}
    assert rewrite_references(resource, MAPPING) is resource
