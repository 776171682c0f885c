"""A resource as a whole: R4's rules on everything in it, the profiles it claims, and the rules of some types."""

from __future__ import annotations

from profiles.bundle_index import BundleIndex, Held
from profiles.conformance import base_rules, bundles, questionnaire_responses, trees
from profiles.conformance.containment import check_contained
from profiles.conformance.context import MAX_NESTED, Context, Item
from profiles.conformance.definitional import check_definition
from profiles.conformance.extensions import canonical_types
from profiles.conformance.plain_text import check_plain_text
from profiles.conformance.uri_rules import check_canonical_resource
from profiles.json import Resource
from profiles.structure import resource_types
from profiles.validation.run import Path


def enter(value: Resource, where: Path, context: Context) -> None:
    """Check a resource inside another: contained, in a Bundle's entry, or a parameter."""
    if context.depth > MAX_NESTED:
        return
    if where[1] == "contained":
        check_resource(value, where, context.of_contained(value))
    else:
        check_resource(value, where, trees.inside(Item(value, None, "Resource", where), context))


def check_resource(value: Resource, where: Path, context: Context) -> None:
    """R4's rules on a resource and all in it, then the profiles of its meta.profile."""
    name = value.get("resourceType")
    if not isinstance(name, str) or name not in resource_types():
        return
    if name == "Bundle":
        context.bundle = bundle_index(value)
        for held in context.bundle.entries:
            context.run.holders[id(held.resource)] = held
            context.run.places[id(held.resource)] = ((where, "entry", held.place), "resource", -1)
        context.holder = None
    item = Item(value, None, name, where)
    base_rules.walk(item, (None, None, name, None), context)
    check_contained(item, context)
    if context.run.options.plain_text and value is context.root:
        check_plain_text(item, context)
    if "url" in value and name in canonical_types():
        check_canonical_resource(item, context)
        check_definition(item, context)
    if name == "Bundle":
        bundles.check_bundle(item, context)
    elif name == "QuestionnaireResponse":
        questionnaire_responses.check_response(item, context)
    for profile in claimed(value) if context.run.options.claims else ():
        trees.apply(profile, item, context)
    for profile in context.run.definitions.global_profiles(name):
        trees.apply(profile, item, context)


def claimed(value: Resource) -> list[str]:
    """The profiles that a resource says it conforms to."""
    meta = value.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    return [each for each in profiles if isinstance(each, str)] if isinstance(profiles, list) else []


def bundle_index(value: Resource) -> BundleIndex:
    entries = value.get("entry")
    held = []
    for place, each in enumerate(entries if isinstance(entries, list) else []):
        resource = each.get("resource") if isinstance(each, dict) else None
        if isinstance(resource, dict):
            url = each.get("fullUrl")
            held.append(Held(place, url if isinstance(url, str) else "", resource))
    return BundleIndex(held)
