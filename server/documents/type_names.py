"""Names of content types (RFC 2046, RFC 6838): those that are taken unless the operator says otherwise, and how one is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

DEFAULT_TYPES: Final = (
    "application/pdf",
    "image/png",
    "image/jpeg",
    "image/tiff",
    "image/gif",
    "application/dicom",
    "text/plain",
    "text/html",
    "text/csv",
    "text/markdown",
    "text/rtf",
    "application/rtf",
    "text/xml",
    "application/xml",
    "application/hl7-sda+xml",
    "application/cda+xml",
    "application/xhtml+xml",
    "application/json",
    "application/fhir+json",
    "application/hl7-v2",
    "x-application/hl7-v2+er7",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text",
)
"""What a clinic keeps: scans, pictures, notes, reports, messages, office files."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\Z")
_EXTENSIONS: Final = {
    "application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg", "image/tiff": "tif", "image/gif": "gif",
    "application/dicom": "dcm", "text/plain": "txt", "text/html": "html", "text/csv": "csv", "text/markdown": "md",
    "text/rtf": "rtf", "application/rtf": "rtf", "text/xml": "xml", "application/xml": "xml", "application/json": "json",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ContentType:
    """`name` is lower case and without parameters; empty for what is no content type."""

    name: str
    charset: str = ""

    def __str__(self) -> str:
        return f"{self.name}; charset={self.charset}" if self.charset else self.name


def parse_content_type(text: str) -> ContentType:
    """Of its parameters only the charset is kept."""
    name, _, parameters = text.partition(";")
    name = name.strip().lower()
    charset = re.search(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]{1,40})", parameters, re.IGNORECASE)
    return ContentType(name if _NAME.match(name) else "", charset[1].lower() if charset else "")


def extension_of(name: str) -> str:
    """Of a file's name, with its dot; empty where there is no usual one."""
    return f".{_EXTENSIONS[name]}" if name in _EXTENSIONS else ""
