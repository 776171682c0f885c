"""A 256-bit key as people and key managers write it: hexadecimal, or base64 in either alphabet, padded or not."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

KEY_BYTES: Final = 32

_HEX: Final = re.compile(r"[0-9A-Fa-f]{64}\Z")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{43}=?\Z")


def key_from_text(text: str) -> bytes | None:
    """The 32 bytes, or None where the text (space around it left out) stands for no such key."""
    text = text.strip()
    if _HEX.match(text):
        return bytes.fromhex(text)
    if not _BASE64.match(text):
        return None
    try:
        key = base64.b64decode(text.rstrip("=").replace("-", "+").replace("_", "/") + "=", validate=True)
    except binascii.Error:
        return None
    return key if len(key) == KEY_BYTES else None
