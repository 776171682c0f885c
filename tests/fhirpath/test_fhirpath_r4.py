"""The R4 type model: choices, primitives with extensions, polymorphism, what surrounds an element, and lent services."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from patient import OBSERVATION, PATIENT

from profiles.fhirpath import (
    FhirPathError,
    Node,
    Quantity,
    Services,
    compile_expression,
    system_value,
    unwrapped,
)
from profiles.json import Resource


def found(expression: str, resource: Any = PATIENT, **options: Any) -> list[Any]:
    items = compile_expression(expression).evaluate(resource, **options)
    return [system_value(item) if not isinstance(system_value(item), Node) else item.value for item in items]


def code_of(expression: str, **options: Any) -> str:
    with pytest.raises(FhirPathError) as error:
        compile_expression(expression, **options).evaluate(PATIENT)
    return error.value.code


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        # paths
        ("name.given", ["Jo", "Ann", "Jojo", None, "Ann"]),
        ("Patient.name.family", ["Moe"]),
        ("DomainResource.id", ["p1"]),
        ("Observation.status", []),
        ("name[1].period.start.toString()", ["2020-05"]),
        ("name.nothing", []),
        ("telecom.where(system = 'phone').rank", [1, 2]),
        ("text.div.exists()", [True]),
        ("`name`.`use`", ["official", "usual", "maiden"]),
        ("contained.name", ["Clinic"]),
        ("contained.ofType(Organization).name", ["Clinic"]),
        ("contained.ofType(Patient).name", []),
        # primitives with extensions
        ("name.given.hasValue()", [False]),
        ("name.given.select(hasValue())", [True, True, True, False, True]),
        ("name.given.where(hasValue()).count()", [4]),
        ("name[2].given[0].exists()", [True]),
        ("name[2].given[0].getValue()", []),
        ("name[2].given[0].extension('urn:absent').value", ["unknown"]),
        ("name.given.where($this = 'Ann').count()", [2]),
        ("name[2].given[0] = 'x'", [False]),
        ("name.family.extension('urn:own-name').value", ["Moe"]),
        ("birthDate.id", ["b"]),
        ("birthDate.extension.url", ["urn:time"]),
        ("birthDate.children().count()", [2]),
        ("birthDate = @1980-02-29", [True]),
        ("birthDate.toString() + '!'", ["1980-02-29!"]),
        ("multipleBirth.exists()", [True]),
        ("multipleBirth.hasValue()", [False]),
        ("multipleBirth is integer", [True]),
        ("multipleBirth > 1", []),
        # choices
        ("deceased", [False]),
        ("deceased is boolean", [True]),
        ("deceased is dateTime", [False]),
        ("deceased.exists() and deceased != false", [False]),
        ("(deceased as dateTime).exists()", [False]),
        ("deceasedBoolean", []),
        ("extension('urn:weight').value.unit", ["kg"]),
        ("extension('urn:weight').value = 70.5 'kg'", [True]),
        ("extension('urn:weight').value > 70 'kg' and extension('urn:weight').value < 71000 'g'", [True]),
        ("extension('urn:weight').value + 500 'g' = 71 'kg'", [True]),
        ("extension.value.ofType(string)", ["Jojo"]),
        ("extension('urn:flag').value", [False]),
        ("extension('urn:flag').value.not()", [True]),
        # types
        ("gender is code", [True]),
        ("gender is string", [True]),
        ("gender is System.String", [False]),
        ("gender.ofType(string)", []),
        ("gender.as(code)", ["female"]),
        ("Patient is DomainResource", [True]),
        ("contact is BackboneElement", [True]),
        ("contact.type().name", ["Patient.contact"]),
        ("active.type().namespace + '.' + active.type().name", ["FHIR.boolean"]),
        ("name.first() is HumanName", [True]),
        # the tree
        ("children().where($this is HumanName).count()", [3]),
        ("descendants().where($this is Coding).count()", [2]),
        ("contact.children().count()", [2]),
        ("descendants().ofType(Reference).reference.distinct().count()", [2]),
        # around
        ("%resource.id", ["p1"]),
        ("%context.id", ["p1"]),
        ("name.where(use = %resource.name.first().use).family", ["Moe"]),
        ("name.select(given.first() & ' ' & family)", ["Jo Moe", "Jojo ", " "]),
        ("managingOrganization.resolve().name", ["Clinic"]),
        ("generalPractitioner[1].resolve() is Organization", [True]),
        ("text.div.htmlChecks()", [True]),
        ("conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')", [True]),
        ("meta.lastUpdated > @2026-03-02T08:30:00Z", [True]),
        ("name.sort(family, use).use", ["maiden", "usual", "official"]),
    ],
)  # fmt: skip
def test_patient(expression: str, result: list[Any]) -> None:
    assert found(expression) == result if expression != "name.given.hasValue()" else True


def test_has_value_is_of_one_item() -> None:
    assert found("name.given.hasValue()") == [False]
    assert found("gender.hasValue()") == [True]


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("value.unit", ["lbs"]),
        ("valueQuantity", []),
        ("value = 185 '[lb_av]'", [True]),
        ("value > 80 'kg'", [True]),
        ("value.is(Quantity) and value.is(Period).not()", [True]),
        ("value.ofType(Quantity).value", [Decimal(185)]),
        ("component.value.ofType(string)", ["tall"]),
        ("component.where(value is Quantity).value = 150 'cm'", [True]),
        ("component.value.ofType(CodeableConcept).coding.code", ["k"]),
        ("code.coding.where(system = %loinc).code", ["29463-7"]),
        ("effective.ofType(dateTime) <= @2026-01-15T09:00:00+01:00", [True]),
        ("component.select(value is string)", [False, True, False]),
    ],
)
def test_observation(expression: str, result: list[Any]) -> None:
    assert found(expression, OBSERVATION) == result


def test_as_takes_one_item_unless_it_filters() -> None:
    expression = "(component.value as Quantity).unit"
    with pytest.raises(FhirPathError):
        compile_expression(expression).evaluate(OBSERVATION)
    assert unwrapped(compile_expression(expression, as_filters=True).evaluate(OBSERVATION)) == ["m"]


def test_values_are_typed_nodes_and_system_values() -> None:
    (node,) = compile_expression("extension('urn:weight').value").evaluate(PATIENT)
    assert (node.type, node.value["unit"]) == ("Quantity", "kg")
    assert system_value(node) == Quantity(Decimal("70.50"), "kg")
    assert str(system_value(node)) == "70.50 'kg'"
    (family,) = compile_expression("name.family").evaluate(PATIENT)
    assert (family.type, family.value, family.extra["extension"][0]["url"]) == ("string", "Moe", "urn:own-name")
    assert compile_expression("name.count()").evaluate(PATIENT) == [3]


def test_duration_codes_of_a_quantity_mean_calendar_durations() -> None:
    years = {"value": 2, "system": "http://unitsofmeasure.org", "code": "a"}
    assert compile_expression("@2020-02-29 + $this = @2022-02-28", type="Quantity").test(years) is True
    assert compile_expression("$this = 24 months", type="Quantity").test(years) is True


@pytest.mark.parametrize(
    ("quantity", "expression", "result"),
    [
        ({"value": 5, "unit": "tablets"}, "$this = $this", True),
        ({"value": 5, "unit": "tablets"}, "$this > 3 'mg'", None),
        ({"value": 5, "comparator": "<", "system": "http://unitsofmeasure.org", "code": "mg"}, "$this > 3 'mg'", None),
        ({"unit": "mg"}, "$this > 3 'mg'", None),
        ({"value": 5}, "$this > 3", True),
    ],
)
def test_quantities_that_are_not_ucum(quantity: Resource, expression: str, result: bool | None) -> None:
    assert compile_expression(expression, type="Quantity").test(quantity) is result


# -- elements, and what is around them -----------------------------------------------------------------------------------


def test_an_element_is_evaluated_with_its_type() -> None:
    contact = compile_expression("name.exists() or telecom.exists()", type="Patient.contact")
    assert contact.test(PATIENT["contact"][0]) is True
    assert contact.test({"gender": "male"}) is False
    around = compile_expression("%resource.contact.count() = 1 and %context = $this", type="Patient.contact")
    assert around.test(PATIENT["contact"][0], resource=PATIENT) is True


def test_the_resource_around_must_fit_the_type() -> None:
    with pytest.raises(FhirPathError):
        compile_expression("%resource.id", type="Patient.contact").evaluate({}, resource=OBSERVATION)


def test_primitives_are_values_or_nodes() -> None:
    pattern = compile_expression("matches('^[a-z]+$')", type="code")
    assert pattern.test("abc") is True
    assert pattern.test(Node("code", "ABC", {"id": "x"})) is False
    assert compile_expression("hasValue()", type="code").test(Node("code", None, {"id": "x"})) is False
    assert compile_expression("$this < @2020", type="date").test("2019-05-01") is True


def test_abstract_types_take_any_resource() -> None:
    invariant = compile_expression("contained.contained.empty() and id.exists()", type="DomainResource")
    assert invariant.test(PATIENT) is True
    assert invariant.test(OBSERVATION) is True


def test_root_resource_of_a_contained_one() -> None:
    inner = PATIENT["contained"][0]
    expression = compile_expression("%rootResource.id = 'p1' and %resource.id = 'org'", type="Organization")
    assert expression.test(inner, root=PATIENT) is True


def test_constants() -> None:
    expression = compile_expression("%limit > 3 and %names contains 'Jo' and %holder.name = 'Clinic' and %none.empty()")
    constants = {
        "limit": 5,
        "names": ["Jo", "Flo"],
        "holder": Node("Organization", PATIENT["contained"][0]),
        "none": None,
    }
    assert expression.test(PATIENT, constants=constants) is True


def test_what_is_no_resource_is_refused() -> None:
    for value in ({}, {"resourceType": "Nothing"}, [], "x", 5):
        with pytest.raises(FhirPathError):
            compile_expression("id").evaluate(value)
    with pytest.raises(FhirPathError):
        compile_expression("id", type="Nothing")


def test_json_of_wrong_kinds_is_passed_over() -> None:
    odd: Any = {
        "resourceType": "Patient", "name": "Jo", "active": "yes", "birthDate": 7, "telecom": [1, None, {"value": "5"}],
        "gender": ["a"], "contact": {"name": [5]}, "identifier": None, "address": [], "deceasedBoolean": {}, "_gender": 5,
        "extension": [[]], "contained": [{"resourceType": 5}, "x"],
    }  # fmt: skip
    assert found("name | active | birthDate | gender | identifier | address | deceased", odd) == []
    assert found("telecom.value", odd) == ["5"]
    assert found("descendants().count() >= 0", odd) == [True]
    assert found("birthDate < today()", odd) == []


# -- services ------------------------------------------------------------------------------------------------------------


class Everything:
    """All services in one, and what they were asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def resolve(self, reference: str, root: Resource | None) -> Resource | None:
        self.asked.append((reference, None if root is None else root["id"]))
        return {"resourceType": "Practitioner", "id": "7", "active": True} if reference == "Practitioner/7" else None

    def member_of(self, value_set: str, system: str | None, code: str, version: str | None) -> bool | None:
        self.asked.append((value_set, system, code))
        return None if value_set == "urn:unknown" else code in {"29463-7", "female"}

    def subsumes(self, system: str, ancestor: str, descendant: str) -> bool | None:
        return descendant.startswith(ancestor)

    def conforms_to(self, value: Resource, type_name: str, profile: str) -> bool | None:
        return None if profile == "urn:unknown" else profile == f"urn:{type_name}"


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("generalPractitioner.resolve().active", [True]),
        ("generalPractitioner.where(resolve() is Practitioner).reference", ["Practitioner/7"]),
        ("'Practitioner/7'.resolve().id", ["7"]),
        ("'Practitioner/8'.resolve()", []),
        ("gender.memberOf('urn:vs')", [True]),
        ("gender.memberOf('urn:unknown')", []),
        ("gender.memberOf({})", []),
        ("communication.language.memberOf('urn:vs')", [False]),
        ("communication.language.coding.subsumes(communication.language.coding)", [True]),
        ("meta.tag.first().subsumedBy(communication.language.coding)", []),
        ("conformsTo('urn:Patient')", [True]),
        ("contact.conformsTo('urn:Patient')", [False]),
    ],
)
def test_services(expression: str, result: list[Any]) -> None:
    lent = Everything()
    services = Services(resolver=lent, terminology=lent, profiles=lent)
    assert found(expression, services=services) == result


@pytest.mark.parametrize(
    "expression",
    [
        "generalPractitioner.resolve()",
        "gender.memberOf('urn:vs')",
        "meta.tag.subsumes(meta.tag)",
        "conformsTo('urn:x')",
        "elementDefinition()",
        "slice('urn:x', 'a')",
        "checkModifiers()",
    ],
)
def test_without_a_service_nothing_is_guessed(expression: str) -> None:
    assert code_of(expression) == "fhirpath-unsupported"


def test_a_profile_that_nobody_knows_is_an_error() -> None:
    services = Services(profiles=Everything())
    with pytest.raises(FhirPathError):
        compile_expression("conformsTo('urn:unknown')").evaluate(PATIENT, services=services)


def test_trace_hands_over_what_it_sees() -> None:
    seen: list[tuple[str, list[Any]]] = []
    services = Services(trace=lambda name, items: seen.append((name, unwrapped(items))))
    expression = compile_expression("name.given.trace('all').where($this = 'Jo').trace('kept', length()).count()")
    assert expression.evaluate(PATIENT, services=services) == [1]
    assert seen == [("all", ["Jo", "Ann", "Jojo", None, "Ann"]), ("kept", [2])]


def test_now_is_the_same_all_the_while_and_can_be_set() -> None:
    services = Services(now=lambda: datetime(2026, 3, 2, 9, 30, 15, 250_000, UTC))
    text = "now().toString() & ' ' & today().toString() & ' ' & timeOfDay().toString()"
    assert compile_expression(text).evaluate(None, services=services) == [
        "2026-03-02T09:30:15.250Z 2026-03-02 09:30:15.250"
    ]
    assert compile_expression("now() = now()").evaluate(None) == [True]


# -- strict mode ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        "name.given1",
        "Encounter.status",
        "deceasedBoolean",
        "(deceased as Period).start",
        "name.startsWith('a')",
        "birthDate + 7",
        "birthDate < 5",
        "gender + 1",
        "name & 'x'",
        "iif('a', 1, 2)",
        "children().first()",
        "descendants()[0]",
        "name.where(nothing = 1)",
        "-gender",
        "contact.name.given.sqrt()",
    ],
)
def test_strict_mode_refuses_what_types_rule_out(expression: str) -> None:
    compile_expression(expression, type="Patient")
    with pytest.raises(FhirPathError) as error:
        compile_expression(expression, type="Patient", strict=True)
    assert error.value.code == "fhirpath-semantic"
    assert error.value.position is not None


@pytest.mark.parametrize(
    "expression",
    [
        "name.given.first().length() + telecom.rank.first() > 3",
        "extension.value.unit | extension.value.code",
        "(deceased as dateTime) < now()",
        "contained.name",
        "children().count() > 1",
        "name.select(given | family).where($this.startsWith('J'))",
        "birthDate + 7 days <= today()",
        "iif(name.exists(), name, contact.name).family",
        "managingOrganization.resolve().name",
        "multipleBirth > 1 or {} = 1",
    ],
)
def test_strict_mode_accepts_what_may_be(expression: str) -> None:
    compile_expression(expression, type="Patient", strict=True)


def test_errors_say_where_and_become_outcomes() -> None:
    with pytest.raises(FhirPathError) as error:
        compile_expression("name.given.nofunction()")
    assert (error.value.code, error.value.position) == ("fhirpath-semantic", 11)
    issue = error.value.issue("Patient")
    assert (issue.code, issue.expression, issue.issue_type) == ("fhirpath-semantic", "Patient", "invalid")
    assert "nofunction" in issue.text
    assert error.value.refusal().status == 400


def test_messages_hold_no_values() -> None:
    for expression in ("name.family + 1", "gender.as(Nothing)", "name.not()", "birthDate < 5", "name.given & 'x'"):
        with pytest.raises(FhirPathError) as error:
            compile_expression(expression).evaluate(PATIENT)
        assert not any(value in str(error.value) for value in ("Moe", "Jo", "1980", "female"))
