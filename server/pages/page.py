"""Makes pages from templates, with the headers that keep them from being framed, cached or scripted.

Everything is escaped by the template engine. No scripts at all; the one style sheet is the server's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import DictLoader, Environment, StrictUndefined

from server.oauth.wire import HTML, NO_STORE, Answer

STYLE: Final = "/oauth/style.css"
_FOLDER: Final = "server.pages"


def page(
    template: str,
    status: int = 200,
    *,
    cookies: Sequence[str] = (),
    leads_to: str = "",
    **values: Any,
) -> Answer:
    """The page `template`. `leads_to` is where its form ends up, when that is not this server (CSP form-action)."""
    body = _environment().get_template(f"{template}.html").render(style=STYLE, **values).encode()
    headers = (*NO_STORE, *security_headers(leads_to), *(("Set-Cookie", cookie) for cookie in cookies))
    return Answer(status, body, HTML, headers)


def security_headers(leads_to: str = "") -> Sequence[tuple[str, str]]:
    """Without Cross-Origin-Opener-Policy: apps open the pages in a window of their own, and wait for it to come back to them."""
    forms = f"'self' {_source(leads_to)}".strip()
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action {forms}"
    )
    return (
        ("Content-Security-Policy", policy),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    )


def _source(address: str) -> str:
    """Of a registered redirect address, what a policy names: its origin, or the scheme of an app."""
    if not address:
        return ""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc and parts.scheme in {"http", "https"} else f"{parts.scheme}:"


@cache
def style() -> bytes:
    return (resources.files(_FOLDER) / "style.css").read_bytes()


@cache
def _environment() -> Environment:
    templates = {
        file.name: file.read_text("utf-8") for file in resources.files(_FOLDER).iterdir() if file.name.endswith(".html")
    }
    return Environment(
        loader=DictLoader(templates), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
