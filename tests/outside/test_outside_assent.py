"""One Assent signs people in through another, over real HTTP."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
from in_process import House, running_house
from live_server import LiveServer
from oauth_app import App, Browser, make_account, make_client, own
from provider_help import Traveller, set_up

from server.accounts.account import find_by_name
from server.accounts.person import Identity
from server.oauth.administration import rewrite


class Street:
    """A running program, as `oauth_app` wants it."""

    def __init__(self, server: LiveServer) -> None:
        self.root = server.root
        self.base = server.base

    def client(self, role: str | None = None) -> httpx.AsyncClient:
        assert role is None
        return httpx.AsyncClient(base_url=self.base, timeout=60)


async def test_a_second_assent_is_the_provider(house: House, tmp_path: Path) -> None:
    server = LiveServer(tmp_path / "other" / "data", ASSENT_SAMPLE="0")
    back = f"{house.root}/oauth/outside/back/other"
    async with running_house(server.data) as before:
        there = await make_account(before, "dora-there")
        secret = await make_client(before, "assent", method="client_secret_basic", redirect_uris=(back,))
    assert secret is not None
    server.start()
    try:
        await set_up(
            house, server.root, "other", client_secret=secret, scope="openid profile", parameters=(("aud", server.base),)
        )
        found = await find_by_name(own(house), "dora")
        assert found is not None
        linked = msgspec.structs.replace(found.value, identities=(Identity(server.root, there.id),))
        await rewrite(own(house), found, linked, [])
        browser = Traveller(house)
        app = App(house, scope="openid fhirUser user/*.rs")
        asked = await browser.leave(app, "other", prompt="login")
        other = Browser(Street(server))
        page = await other.go(asked.pop("address"), **asked)
        page = await other.sign_in(page, "dora-there")
        assert "Allow access" in page.title
        sent = (await other.allow(page)).answer.headers["location"]
        assert sent.partition("?")[0] == back
        answer = {name: values[0] for name, values in parse_qs(urlsplit(sent).query).items()}
        assert answer["iss"] == server.root
        page = await browser.go(back, **answer)
        assert "Allow access" in page.title
        assert "dora" in page.text
        again = await browser.go(back, **answer)
        assert again.answer.status_code == 400
        await other.http.aclose()
    finally:
        server.stop()
