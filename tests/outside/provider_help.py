"""A small OpenID provider over real HTTP that can be told to lie, and a person's way through it."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from in_process import House
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from oauth_app import App, Browser, Page, own

from server.outside.provider import Provider, add

RSA = RSAKey.generate_key(2048, {"kid": "r"}, auto_kid=False)
EC = ECKey.generate_key("P-256", {"kid": "e"}, auto_kid=False)
STRANGER = RSAKey.generate_key(2048, {"kid": "r"}, auto_kid=False)
INNER = {"ASSENT_INNER_NETWORKS": "127.0.0.0/8"}


@dataclass
class Idp:
    """`claims` and `token` are what it lies with; `asked` is what its token endpoint was sent."""

    claims: dict[str, Any] = field(default_factory=dict)
    token: Callable[[dict[str, Any]], str] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[dict[str, str], dict[str, str]]] = field(default_factory=list)
    looked: int = 0
    server: ThreadingHTTPServer | None = None
    nonce: str = ""

    @property
    def issuer(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def start(self) -> None:
        idp = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                idp.looked += self.path == "/.well-known/openid-configuration"
                self._answer(idp.documents().get(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                idp.asked.append((form, dict(self.headers.items())))
                self._answer({"access_token": "a", "token_type": "Bearer", "id_token": idp.signed()})

            def _answer(self, content: Any) -> None:
                data = json.dumps(content).encode()
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()

    def documents(self) -> dict[str, Any]:
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "authorization_response_iss_parameter_supported": True,
                **self.metadata,
            },
            "/jwks": {"keys": [{**RSA.as_dict(private=False), "kid": "r"}, {**EC.as_dict(private=False), "kid": "e"}]},
        }

    def honest(self) -> dict[str, Any]:
        now = int(time.time())
        whole = {
            "iss": self.issuer, "aud": "assent", "sub": "u-1", "iat": now, "exp": now + 300, "auth_time": now, "nonce": self.nonce, **self.claims,
        }  # fmt: skip
        return {name: value for name, value in whole.items() if value is not None}

    def signed(self) -> str:
        if self.token is not None:
            return self.token(self.honest())
        return jwt.encode({"alg": "RS256", "kid": "r"}, self.honest(), RSA, algorithms=["RS256"])


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def set_up(house: House, issuer: str, id_: str = "hospital", **fields: Any) -> Provider:
    given: dict[str, Any] = {"title": "The Hospital", "client_id": "assent", "client_secret": "s e:c", **fields}
    provider = Provider(id_, issuer=issuer, **given)
    await add(own(house), provider)
    return provider


class Traveller(Browser):
    """A browser that goes to a provider and comes back."""

    async def leave(self, app: App, provider: str = "hospital", **changes: str | None) -> dict[str, str]:
        """Presses the button; what the provider is asked."""
        page = await self.go(f"{app.issuer}/oauth/authorize", **app.request(**changes))
        return await self.press(page, provider)

    async def press(self, page: Page, provider: str = "hospital") -> dict[str, str]:
        address = next(part for part in page.text.split('"') if f"/oauth/outside?provider={provider}&" in part)
        answer = await self.http.get(address)
        assert answer.status_code == 303, answer.text
        location = answer.headers["location"]
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        return {**asked, "address": location.partition("?")[0]}

    async def back(self, asked: dict[str, str], **changes: str | None) -> Page:
        """As the provider sends the browser back."""
        whole = {"code": "c-1", "state": asked["state"], **changes}
        return await self.go(asked["redirect_uri"], **{name: value for name, value in whole.items() if value is not None})

    async def through(self, app: App, idp: Idp, **changes: str | None) -> Page:
        """There and back, honestly but for `changes` and what the provider lies."""
        asked = await self.leave(app)
        idp.nonce = asked["nonce"]
        return await self.back(asked, **{"iss": idp.issuer, **changes})
