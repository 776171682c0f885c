"""Compressed bodies (RFC 9110 8.4 and 12.5.3): gzip (RFC 1952) and zstd (RFC 8878), in and out."""

from __future__ import annotations

import asyncio
import gzip
import re
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import zstandard

from profiles.outcome import FhirError, refuse
from server.accept import weighted
from server.rest.request import Request
from server.rest.response import Response

CODINGS: Final = ("zstd", "gzip")
"""Those that are known, the one that is preferred first."""
WORTHWHILE: Final = 1024
"""Bytes from which a body is compressed on its way out."""

_GZIP_LEVEL: Final = 4
_ZSTD_LEVEL: Final = 3
_SMALL: Final = 16 * 1024
"""Bytes that are compressed at once; more is done beside the other requests."""
_TEXT: Final = re.compile(r"application/(?:fhir\+)?(?:json|xml)\b|text/")
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_ZSTD_WINDOW: Final = 8 * 2**20
"""What RFC 8878 asks a reader to hold."""


def check_coding(headers: Mapping[str, str]) -> str | None:
    """The coding of a body, None if it is as it is. Raises FhirError (415)."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding in {"identity", ""}:
        return None
    if coding == "x-gzip":
        return "gzip"
    if coding not in CODINGS:
        raise not_read(
            f"Bodies are read as they are or with Content-Encoding {' or '.join(CODINGS)}, one of them at a time."
        )
    return coding


def not_read(text: str) -> FhirError:
    """A refusal that says which codings there are (RFC 7694)."""
    error = refuse("content-type", text, "http.Content-Encoding")
    error.headers["Accept-Encoding"] = ", ".join(CODINGS)
    return error


async def unpacked(request: Request, limit: int) -> Request:
    """The request with its body as it was before it was compressed, at most `limit` bytes. Raises FhirError (400, 413, 415)."""
    if "content-encoding" not in request.headers or not request.body:
        return request
    coding = check_coding(request.headers)
    if coding is None:
        return request
    headers = {name: value for name, value in request.headers.items() if name != "content-encoding"}
    return replace(request, body=await _decoded(request.body, coding, limit), headers=headers)


async def _decoded(body: bytes, coding: str, limit: int) -> bytes:
    decode = _gunzipped if coding == "gzip" else _unzstd
    try:
        content = decode(body, limit) if len(body) <= _SMALL // 16 else await asyncio.to_thread(decode, body, limit)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise refuse(
            "content-coding", f"The body is not what Content-Encoding says: it is no {coding}.", "http.body"
        ) from error
    if len(content) > limit:
        text = f"A body may have at most {limit} bytes when it is unpacked (ASSENT_MAX_BODY)."
        raise refuse("body-too-large", text, "http.body")
    return content


def _gunzipped(body: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    content = unpacker.decompress(body, limit + 1)
    if len(content) <= limit and (not unpacker.eof or unpacker.unused_data):
        raise EOFError
    return content


def _unzstd(body: bytes, limit: int) -> bytes:
    unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    with unpacker.stream_reader(body) as reader:
        content = reader.read(limit + 1)
    if len(content) <= limit:  # the reader does not tell a frame that was cut off; asking is safe by here
        whole = unpacker.decompressobj()
        whole.decompress(body)
        if not whole.eof or whole.unused_data:
            raise EOFError
    return content


async def encoded(headers: Mapping[str, str], response: Response) -> Response:
    """The response compressed, where the caller takes that and it is worthwhile."""
    wanted = headers.get("accept-encoding")
    if not wanted or len(response.body) < WORTHWHILE or not _TEXT.match(response.content_type):
        return response
    coding = _best(wanted)
    if coding is None or "Content-Encoding" in response.headers:
        return response
    encode = _gzipped if coding == "gzip" else _zstd
    body = encode(response.body) if len(response.body) <= _SMALL else await asyncio.to_thread(encode, response.body)
    vary = ", ".join(filter(None, (response.headers.get("Vary"), "Accept-Encoding")))
    return replace(response, body=body, headers={**response.headers, "Content-Encoding": coding, "Vary": vary})


def _best(accept: str) -> str | None:
    weights = {name: weight for name, _, weight in weighted(accept)}
    best = max(CODINGS, key=lambda coding: weights.get(coding, 0.0))
    return best if weights.get(best, 0.0) > 0.0 else None


def _gzipped(body: bytes) -> bytes:
    return gzip.compress(body, _GZIP_LEVEL, mtime=0)


def _zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body)
