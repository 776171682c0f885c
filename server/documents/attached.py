"""Documents inside resources: the data of a Binary and of attachments is what its content type says, and is not too large.

R4 datatypes.html#Attachment: every element with `contentType` and `data`, at any depth and in any type, and every Attachment with
`data` alone, so that leaving the type out (which R4 forbids, att-1) passes no check. Resources that carry none, nearly all, cost one
look for a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from profiles import json
from profiles.json import Json, Resource
from profiles.outcome import refuse
from server.documents.apart import inline_content
from server.documents.content_check import ContentCheck, check_type
from server.documents.type_names import ContentType, parse_content_type

_ATTACHMENT: Final = frozenset(
    {"id", "extension", "contentType", "language", "data", "url", "size", "hash", "title", "creation"}
)
"""An object with `data` and nothing but these is an Attachment; the `data` of Signature and SampledData stands beside others."""


@dataclass(frozen=True, slots=True)
class DocumentRules:
    """`largest` in bytes. `types` None: any type, as long as the content is of it."""

    largest: int
    types: frozenset[str] | None


def check_documents(type_: str, body: bytes, content: bytes | None, rules: DocumentRules) -> None:
    """`body` is JSON as it was written by us; `content` what was set apart of a Binary. Raises FhirError (400, 413, 415)."""
    if content is None and b'"data"' not in body:
        if type_ == "Binary" and b'"SUBSETTED"' in body:
            raise refuse(
                "structure",
                "The Binary came from a list, without its content (SUBSETTED): read it alone first.",
                "Binary.meta.tag",
            )
        return
    resource: Resource = json.loads(body)
    if content is not None:
        _check(_declared(resource), content, "Binary", rules)
    for attachment, place in attachments(resource):
        data = inline_content(attachment)
        if data is not None:
            _check(_declared(attachment), data, place, rules)


def _declared(attachment: Resource) -> ContentType:
    return parse_content_type(str(attachment.get("contentType", "")))


def _check(declared: ContentType, content: bytes, place: str, rules: DocumentRules) -> None:
    if len(content) > rules.largest:
        text = f"A document may have at most {rules.largest} bytes (ASSENT_MAX_DOCUMENT)."
        raise refuse("body-too-large", text, f"{place}.data")
    if rules.types is not None:
        check_type(declared, rules.types, f"{place}.contentType")
    check = ContentCheck(declared, f"{place}.data")
    check.add(content)
    check.finish()


def attachments(resource: Resource) -> Iterator[tuple[Resource, str]]:
    """Everything that holds a document, with its place as JSON names it: `DocumentReference.content[0].attachment`."""
    waiting: list[tuple[Json, str]] = [(resource, str(resource.get("resourceType")))]
    while waiting:
        value, place = waiting.pop()
        if type(value) is list:
            waiting += [(item, f"{place}[{number}]") for number, item in enumerate(value) if _has_parts(item)]
        else:
            if type(value.get("data")) is str and ("contentType" in value or _is_attachment(value)):
                yield value, place
            waiting += [(item, f"{place}.{name}") for name, item in value.items() if _has_parts(item)]


def _has_parts(value: Json) -> bool:
    return type(value) is dict or type(value) is list


def _is_attachment(value: Resource) -> bool:
    return all(name.removeprefix("_") in _ATTACHMENT for name in value)
