"""history of an instance (R4 http.html#history): every version, newest first, in pages."""

from __future__ import annotations

from profiles import json
from profiles.json import Resource
from profiles.outcome import refuse
from server.repository import Version, instant
from server.rest.exchange import Exchange
from server.rest.request import FORMAT_PARAMETERS
from server.rest.response import Response
from server.search.query import MAX_COUNT

DEFAULT_PAGE = 50


async def history(exchange: Exchange) -> Response:
    type_, id_, _ = exchange.request.segments
    count, before = _paging(exchange)
    if await exchange.visible(type_, id_, exchange.decision) is None:
        raise refuse("not-found", "There is no such resource, or you may not see it.", "http.url")
    exchange.trail.note(f"{type_}/{id_}")
    versions = await exchange.repository.history(type_, id_, before, count + 1)
    shown = [version for version in versions[:count] if exchange.may_see(version, exchange.decision)]
    for version in shown:
        exchange.trail.patients.update(version.patients)
    base = exchange.request.base.url
    links = [{"relation": "self", "url": f"{base}/{type_}/{id_}/_history"}]
    if len(versions) > count:
        links.append(
            {
                "relation": "next",
                "url": f"{base}/{type_}/{id_}/_history?_count={count}&_before={versions[count - 1].version}",
            }
        )
    head: Resource = {"resourceType": "Bundle", "type": "history", "link": links}
    if before is None and len(versions) <= count:
        head["total"] = len(shown)
    entries = b",".join(_entry(base, version) for version in shown)
    body = json.dumps(head)[:-1] + (b',"entry":[' + entries + b"]}" if shown else b"}")
    return Response(200, body)


def _paging(exchange: Exchange) -> tuple[int, int | None]:
    count, before = DEFAULT_PAGE, None
    for name, value in exchange.request.query:
        if name in FORMAT_PARAMETERS:
            continue
        if name not in {"_count", "_before"}:
            raise refuse("unknown-parameter", "The history of a resource takes _count only.", "http.query")
        if not value.isascii() or not value.isdigit() or len(value) > 9:
            raise refuse("parameter-value", f"{name} is a whole number.", f"http.{name}")
        if name == "_count":
            count = max(1, min(int(value), MAX_COUNT))
        else:
            before = int(value)
    return count, before


def _entry(base: str, version: Version) -> bytes:
    method = "DELETE" if version.deleted else "POST" if version.version == 1 else "PUT"
    status = "204" if version.deleted else "201" if version.version == 1 else "200"
    url = version.type if method == "POST" else version.reference
    parts = {
        "request": {"method": method, "url": url},
        "response": {"status": status, "etag": version.etag, "lastModified": instant(version.updated)},
    }
    full_url = json.dumps({"fullUrl": f"{base}/{version.reference}"})[:-1]
    resource = b"" if version.deleted else b',"resource":' + version.body
    return full_url + resource + b"," + json.dumps(parts)[1:]
