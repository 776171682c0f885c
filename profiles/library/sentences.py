"""What the constraints of the library ask for, in our words, by their key.

A key that means several things in several guides has a sentence for each, told apart by a piece of the expression.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SENTENCES: Final[Mapping[str, str]] = {
    "AttachmentNeeded": "A task that asks for attachments by code names at least one that is needed (input attachments-needed).",
    "ClaimFirst": "The first entry of the Bundle is the Claim.",
    "ClaimResponseFirst": "The first entry of the Bundle is the ClaimResponse.",
    "FullDateRule": "The date has year, month and day (YYYY-MM-DD).",
    "IdentifierUnlessVO": "The request has an identifier, unless its medium is the voice (VO).",
    "ImmediateLevelOfCare": "An immediate appeal (certification type 1) tells the level of service as well.",
    "QuestionnaireContext": "A task that asks for a questionnaire tells its context (input questionnaire-context).",
    "QuestionnaireNeeded": "A task that asks for a questionnaire names it (input questionnaires-needed).",
    "backport-notification-bundle-r4-1": "The first entry of a notification is the Parameters with its status.",
    "cdex-1": "A task on a claim tells the date of service (input service-date).",
    "cdex-2": "The date has year, month and day (YYYY-MM-DD).",
    "cdex-3": "The practitioner or the organization is named by an identifier.",
    "cdex-4": "A task that asks for attachments by code names at least one that is needed.",
    "cdex-5": "A task that asks for a questionnaire's attachment tells its context.",
    "cdex-6": "A task asks for attachments by code or by questionnaire, not both.",
    "cdex-7": "A task that asks for data by code has an input data-code.",
    "cdex-8": "A task that asks for data by questionnaire names the questionnaire.",
    "cdex-9": "A task asks in one way: by one query, one code or one questionnaire.",
    "cdex-10": "A completed task on a questionnaire's attachment returns its context.",
    "cdex-11": "A completed task on a questionnaire returns the answers.",
    "cdex-12": "A task that asks for data by query has an input data-query.",
    "crd-apt1": "The appointment has a start, its own or that of a requested period.",
    "crd-apt2": "The appointment has an end, its own or that of a requested period.",
    "crd-ci-q3": "Conditional coverage and the information that it needs are told together.",
    "crd-ci-q4": "Documents that are meant for the authorization are not asked for where none is open.",
    "crd-ci-q5": "A satisfied authorization has its number, and only such a one.",
    "crd-ci-q6": "Information of another kind is explained by a reason.",
    "crd-ci-q7": "A reason is in words or from the list.",
    "crd-ci-q8": "A purpose of documents is explained by a reason.",
    "crd-ci-q9": "What is undetermined is explained by a reason.",
    "crd-loc1": "The location has a type or is part of another.",
    "crd-tsk-d1": "The task has an owner or a location.",
    "crdver-1": "The version has two numbers with a dot between them.",
    "inv-1": "The risk of exposure to a substance stands in place of the code.",
    "hrex-cov-1": "The coverage has an identifier or a subscriber id.",
    "hrex-pat-1": "The patient's gender or sex at birth is told.",
    "pd-1": "There is a way to reach them: a telecom or an endpoint.",
    "provenance-1": "A practitioner or device acts for somebody who is named.",
    "self-beneficiary": "Unless the beneficiary is the subscriber (18), the subscriber is named.",
    "cnl-0": "The name can be used by programs: a capital letter, then letters, digits and underscores.",
    "cnl-1": "The URL has no bar, hash or blank.",
    "que-14": "Answers are restricted only where options, a value set or an expression offer some.",
    "que-15": "The link id has at most 255 characters.",
    "que-1a": "A group of a completed form holds items.",
    "que-1b": "A group holds items.",
    "que-1c": "A displayed text holds no items.",
    "qrs-2": "No two answered items beside each other have the same link id.",
    "sdc-1": "Answers come from an expression, from options or from a value set, not from several.",
    "sdc-2": "A version tells how versions are compared.",
    "sdc-3": "Versions are compared as semantic versions.",
    "sdc-adapt-1": "A contained questionnaire is the one that the answers are to.",
    "sdc-base-1": "A coding has a code or a display.",
    "sdc-base-2": "A code has a system.",
    "sdc-base-4": "A reference points, names or identifies.",
    "sdc-t1": "The task names the questionnaire to fill in, or the order that it fulfils.",
    "sdcqr-1": "The answers tell whom they are about.",
    "sdcqr-2": "No two answered items beside each other have the same link id.",
    "sdcqr-3": "The answers have one source at most.",
    "sqty-1": "The quantity is exact: it has no comparator.",
    "tdr-1": "The task has exactly one input that asks for data, by code or by query.",
    "tdr-2": "A task that was rejected or failed tells why.",
    "tdr-3": "A completed task has an output.",
    "us-core-2": "An observation without parts and members has a value or tells why it has none.",
    "us-core-3": "A coded unit is of UCUM.",
    "us-core-4": "A coded result should be of SNOMED CT.",
    "us-core-5": "A vaccine should be told by its NDC as well.",
    "us-core-7": "A procedure that is under way or done tells when.",
    "us-core-10": "A report that has results tells the time that it is about.",
    "us-core-12": "A device with UDI information has the UDI as it is read by machine or by people.",
    "us-core-13": "The role has a practitioner, an organization, a service or a location.",
    "us-core-14": "The person has a name or a relationship.",
    "us-core-15": "The coverage has a member id (identifier MB) or a subscriber id.",
    "us-core-16": "An NPI has ten digits.",
    "us-core-17": "The last digit of an NPI is its check digit (Luhn).",
    "us-core-18": "A CLIA number has ten places, the third of them the letter D.",
    "us-core-19": "A NAIC number has five digits.",
    "us-core-20": "A completed dispense tells when it was handed over.",
    "us-core-21": "An order tells who requested it.",
    "us-core-22": "The coded units of both bounds are of UCUM.",
    "us-core-23": "A race that was not told or is not known stands alone.",
    "us-core-24": "A status of tobacco use is coded.",
    "us-core-25": "An amount of smoking is a quantity.",
    "us-core-26": "An observation has a value or tells why it has none.",
    "vs-1": "The time has at least a day.",
    "vs-2": "An observation without parts and members has a value or tells why it has none.",
    "vs-3": "The part has a value or tells why it has none.",
}

_SEVERAL: Final[Mapping[str, Mapping[str, str]]] = {
    "crd-ci-q1": {"questionnaire": "A questionnaire is named only where documents are needed."},
    "crd-ci-q2": {
        "value != 'not-covered'": "Where something is covered, the need of authorization is told.",
        "value = 'not-covered'": "Where something is not covered, no need of authorization is told.",
    },
    "us-core-1": {
        "ateTime": "The time has at least a day.",
        "sid/ndc": "A vaccine should be told by its NDC as well.",
        "condition-category": "A category should be one of US Core's.",
    },
    "us-core-6": {
        "family": "The name has a family or given name, or tells why it has neither.",
        "data": "An attachment has its data or an address.",
    },
    "us-core-8": {
        "family": "The name has a family or given name, or tells why it has neither.",
        "effective": "A report that has results tells the time that it is about.",
    },
    "us-core-9": {
        "issued": "A report that has results tells when it was issued.",
        "udiCarrier": "A device with UDI information tells at least one thing that the UDI tells of its making.",
    },
}


def sentence(key: str, expression: str) -> str:
    """The sentence for a constraint. Raises KeyError for one that nobody has put into words."""
    several = _SEVERAL.get(key)
    if several is None:
        return _SENTENCES[key]
    return next(text for piece, text in several.items() if piece in expression)
