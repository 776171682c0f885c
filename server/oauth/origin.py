"""Forms of the pages are taken from the pages themselves: what a browser says of the page that a request comes from (RFC 6454, Fetch).

This stands before the seal of the flow and its cookie (flow.py), and holds for every form, whatever its handler checks. The pages'
Referrer-Policy is `same-origin` and not `no-referrer`, with which browsers would say `null` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from server.oauth.errors import PageError

FOREIGN: Final = "This form was sent from a page of another site, so nothing was done. Go back to the app and start again."
_OWN_SITE: Final = frozenset({"same-origin", "none"})


def check_origin(base_url: str, headers: Mapping[str, str]) -> None:
    """Raises PageError for a request that a browser sends on behalf of another site's page, or of one that it does not name."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and origin.lower() != origin_of(base_url):
        raise PageError(FOREIGN, 403)
    if site is not None and site not in _OWN_SITE:
        raise PageError(FOREIGN, 403)


def origin_of(address: str) -> str:
    """Scheme, host, and the port where it is not that of the scheme."""
    parts = urlsplit(address.lower())
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in {None, default} else "")
