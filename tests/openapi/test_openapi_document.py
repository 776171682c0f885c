"""The OpenAPI document says all that there is and nothing else; `/docs` shows it without scripts and without anybody else's help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from in_process import House

from operations.ports import Operation
from profiles.base_validation import validate_resource
from server.openapi.interactions import INTERACTIONS
from server.openapi.operation_paths import fits
from server.rest.routes import ROUTES

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
async def document(app: House) -> dict[str, Any]:
    async with app.client(None) as client:
        answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    content: dict[str, Any] = answer.json()
    return content


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            if name == "$ref":
                yield member
            elif name not in ("value", "const"):
                yield from references(member)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_every_route_is_described() -> None:
    others = {(route.method, route.template) for route in ROUTES if route.interaction != "operation"}
    assert set(INTERACTIONS) == others


async def test_every_address_is_in_it_and_nothing_else(app: House, document: dict[str, Any]) -> None:
    offered = {(method.upper(), path) for path, item in document["paths"].items() for method in item if method in METHODS}
    routed = {(route.method, f"/{route.template}") for route in ROUTES if route.interaction != "operation"}
    assert {(method, path) for method, path in offered if "$" not in path} == routed
    operations: dict[tuple[str, str, str], Operation] = dict(app.services.operations)
    for (level, type_, code), operation in operations.items():
        address = "/" + "/".join(part for part in (type_, "x" if level == "instance" else "", f"${code}") if part)
        calls = {method for method, path in offered if "$" in path and fits(path, address)}
        assert calls == ({"GET", "POST"} if operation.definition.takes_get else {"POST"}), address
    for path in {path for _, path in offered if "$" in path}:
        plain = path.replace("{type}", "Patient").replace("{id}", "x").split("/")[1:]
        level = {1: "system", 2: "type", 3: "instance"}[len(plain)]
        assert (level, plain[0] if len(plain) > 1 else "", plain[-1][1:]) in operations, path


async def test_it_hangs_together(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    for reference in set(references(document)):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found
    calls = [(path, item[method]) for path, item in document["paths"].items() for method in METHODS & set(item)]
    names = [call["operationId"] for _, call in calls]
    assert len(names) == len(set(names))
    for path, call in calls:
        named = {parameter["name"] for parameter in document["paths"][path].get("parameters", [])}
        assert named == set(re.findall(r"\{(\w+)\}", path)), path
        assert call["responses"]["default"], path
    shown = {
        name
        for _, call in calls
        for kind in call.get("requestBody", {}).get("content", {}).values()
        for name in kind.get("examples", {})
    }
    assert {"create", "submit", "inquire", "preview-claim", "match"} <= shown


async def test_each_base_has_its_own_and_it_tells_nothing_of_tenants(app: House) -> None:
    async with app.client(None) as client:
        other = await client.get(f"{app.root}/t/nobody-knows/fhir/openapi.json")
        older = await client.get(f"{app.root}/pas-2.0.1/fhir/openapi.json")
        assert other.json()["servers"] == [{"url": f"{app.root}/t/nobody-knows/fhir"}]
        assert older.json()["servers"] == [{"url": f"{app.root}/pas-2.0.1/fhir"}]
        assert (await client.post("/openapi.json")).status_code in (401, 405)


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


async def test_the_page_shows_every_call_without_scripts(app: House, document: dict[str, Any]) -> None:
    async with app.client(None) as client:
        answer = await client.get(f"{app.root}/docs")
        style = await client.get(f"{app.root}/docs/style.css")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'; style-src 'self'" in answer.headers["content-security-policy"]
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    page = Page()
    page.feed(answer.text)
    assert not [
        tag
        for tag, attributes in page.tags
        if tag in ("script", "iframe", "object")
        or "style" in attributes
        or any(name.startswith("on") for name in attributes)
    ]
    assert not [
        attributes
        for tag, attributes in page.tags
        if tag in ("img", "link") and not str(attributes.get("href", attributes.get("src"))).startswith("/")
    ]
    anchors = {attributes["id"] for _, attributes in page.tags if attributes.get("id")}
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            assert item[method]["operationId"] in anchors, path
            assert f"{app.base}{path}" in answer.text.replace("&#39;", "'"), path
    assert {
        str(attributes["href"])[1:] for _, attributes in page.tags if str(attributes.get("href")).startswith("#")
    } <= anchors
    assert "Quill" in answer.text
    assert "http://cdn" not in answer.text


async def test_the_links_of_the_capability_statement_lead_to_definitions(app: House) -> None:
    async with app.client() as client:
        (rest,) = (await client.get("/metadata")).json()["rest"]
        named = [each for resource in rest["resource"] for each in resource.get("operation", [])] + rest["operation"]
        found: dict[str, httpx.Response] = {}
        for each in named:
            address = (
                each["definition"] if each["definition"].startswith(app.base) else each["documentation"].rpartition(" ")[2]
            )
            answer = found.setdefault(address, await client.get(address) if address not in found else found[address])
            assert answer.status_code == 200, each
            definition = answer.json()
            assert definition["code"] == each["name"]
            assert definition["url"] == each["definition"]
    for answer in found.values():
        assert [issue.text for issue in validate_resource(answer.json()) if issue.severity == "error"] == []
    assert len(found) > 25
