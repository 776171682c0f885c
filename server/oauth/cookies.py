"""The cookies of the pages: one that tells browsers apart, and one for the session (RFC 6265bis).

Over TLS they have the prefix `__Host-`: no other host, and no plain connection, can set them. Each tenant has its own.
"""

from __future__ import annotations

import secrets

from server.oauth.authority import Authority


def browser(authority: Authority) -> str | None:
    return authority.call.cookie(_name(authority, "browser"))


def session(authority: Authority) -> str | None:
    return authority.call.cookie(_name(authority, "session"))


def new_browser(authority: Authority) -> tuple[str, str]:
    """A value, and the Set-Cookie header that gives it to the browser."""
    value = secrets.token_urlsafe(18)
    return value, _set(authority, "browser", value)


def set_session(authority: Authority, secret: str) -> str:
    return _set(authority, "session", secret)


def end_session(authority: Authority) -> str:
    return f"{_set(authority, 'session', '')}; Max-Age=0"


def _set(authority: Authority, what: str, value: str) -> str:
    secure = "; Secure" if _is_secure(authority) else ""
    return f"{_name(authority, what)}={value}; Path=/; HttpOnly; SameSite=Lax{secure}"


def _name(authority: Authority, what: str) -> str:
    prefix = "__Host-" if _is_secure(authority) else ""
    return f"{prefix}assent-{what}-{authority.tenant}"


def _is_secure(authority: Authority) -> bool:
    return authority.settings.base_url.startswith("https:")
