"""The raw body of a Binary (R4 binary.html), and a form of files to import: read piece by piece as it arrives, never held as a whole.

Not reading on is what slows the sender down; the server's buffers stay as small as they are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.types import Receive

from profiles.outcome import FhirError, refuse
from server.rest.form import FORM

_FHIR: Final = frozenset({"application/fhir+json", "application/json", "text/json", "application/fhir+xml"})
"""Under these types the body is a Binary resource, and not its content."""

IMPORT: Final = ("$import",)
LARGEST_FORM: Final = 2**34


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that nobody has read yet. At most `limit` bytes of it are."""

    receive: Receive
    limit: int
    setting: str
    """What the limit is called."""

    async def pieces(self) -> AsyncIterator[bytes]:
        """Raises FhirError: 413 when there is more, 400 when the connection ends before the body does."""
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise refuse("body-missing", "The connection ended before the body did.")
            piece = message.get("body", b"")
            size += len(piece)
            if size > self.limit:
                raise too_large(self.limit, self.setting)
            if piece:
                yield piece
            if not message.get("more_body", False):
                return


def is_upload(method: str, segments: tuple[str, ...], headers: Mapping[str, str]) -> bool:
    """Whether a request brings the content of a Binary as it is, or files to import."""
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if segments == IMPORT:
        return method == "POST" and media == FORM
    if segments[:1] != ("Binary",) or (method, len(segments)) not in {("POST", 1), ("PUT", 2)}:
        return False
    return bool(media) and media not in _FHIR


def upload_of(receive: Receive, segments: tuple[str, ...], headers: Mapping[str, str], max_document: int) -> Upload:
    """Raises FhirError (413) for a body that says it is too large: it is not read then."""
    form = segments == IMPORT
    upload = Upload(receive, LARGEST_FORM if form else max_document, "" if form else "ASSENT_MAX_DOCUMENT")
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > upload.limit:
        raise too_large(upload.limit, upload.setting)
    return upload


def too_large(limit: int, setting: str) -> FhirError:
    named = f" ({setting})" if setting else ""
    return refuse("body-too-large", f"A document may have at most {limit} bytes{named}.", "http.body")
