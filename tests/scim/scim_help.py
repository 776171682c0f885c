"""What a directory does with SCIM, for its tests."""

from __future__ import annotations

from typing import Any

import httpx
from in_process import House

from server.scim.patch import MESSAGE
from server.scim.schema import CORE, EXTENSION

SCOPE = "assent/users"
PASSWORD = "nine brown otters swim"
TYPE = {"Content-Type": "application/scim+json"}
EXT = EXTENSION


def user(user_name: str = "ann", /, **more: Any) -> dict[str, Any]:
    """One that can be created; None leaves a member out."""
    whole = {"schemas": [CORE], "userName": user_name, "roles": [{"value": "staff"}], **more}
    return {member: value for member, value in whole.items() if value is not None}


def patch_op(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [MESSAGE], "Operations": list(operations)}


class Directory:
    """Calls SCIM of a tenant with an administrator's token, or another."""

    def __init__(self, house: House, tenant: str = "default", **token: Any) -> None:
        self._house = house
        root = house.root if tenant == "default" else f"{house.root}/t/{tenant}"
        self.root = f"{root}/scim/v2"
        given = {"role": "administrator", "scope": SCOPE, "tenant": tenant, **token}
        self._token = house.token(given.pop("role"), **given)

    async def ask(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **query: str
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self._token}", **(TYPE if body is not None else {}), **(headers or {})}
        async with self._house.client(None) as client:
            return await client.request(
                method, f"{self.root}{path}", json=body, headers={k: v for k, v in sent.items() if v}, params=query or None
            )

    async def make(self, user_name: str = "ann", /, **more: Any) -> dict[str, Any]:
        answer = await self.ask("POST", "/Users", user(user_name, **more))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def names(self, condition: str | None = None, **query: str) -> list[str]:
        given = {**({"filter": condition} if condition is not None else {}), **query}
        answer = await self.ask("GET", "/Users", **given)
        assert answer.status_code == 200, answer.text
        return [found["userName"] for found in answer.json().get("Resources", [])]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and scimType of an error, which has the shape of RFC 7644 3.12 and tells no more."""
    told = answer.json()
    assert answer.headers["content-type"] == "application/scim+json"
    assert told["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert told["status"] == str(answer.status_code)
    assert told["detail"].endswith(".")
    return answer.status_code, told.get("scimType", "")
