"""The authorization code flow from the app's first request to a FHIR read, over HTTP."""

from __future__ import annotations

from oauth_app import App, House


async def test_an_app_gets_tokens_and_reads_with_them(town_house: House) -> None:
    app = App(town_house)
    tokens = await app.tokens()
    assert (await app.get("/Patient/p1", tokens["access_token"])).status_code == 200
