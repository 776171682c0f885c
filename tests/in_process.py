"""The application inside the test's own process, spoken to over ASGI: no sockets, no start-up of an interpreter."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
from tokens import bearer, make_token

from server.app import Application
from server.config import Settings
from server.logs import EventLog
from server.rest.exchange import Services

ROOT = "http://127.0.0.1:8080"
BASE = f"{ROOT}/fhir"

if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # httpx looks for it at each request, in every folder of the path


class House:
    """A running application: `base`, `services`, tokens and clients. `log` is what it would have written."""

    base = BASE
    root = ROOT

    def __init__(self, application: Application, data: Path, log: list[bytes]) -> None:
        self.application = application
        self.data = data
        self.log = log
        self._transport = httpx.ASGITransport(application, raise_app_exceptions=True)

    @property
    def services(self) -> Services:
        services = self.application.services
        assert services is not None
        return services

    def token(self, role: str | list[str] = "administrator", **options: Any) -> str:
        return make_token(self.data, role, **options)

    def client(self, role: str | list[str] | None = "administrator", **options: Any) -> httpx.AsyncClient:
        """A client of the FHIR base; without a role it sends no token."""
        headers = {} if role is None else bearer(self.token(role, **options))
        return httpx.AsyncClient(transport=self._transport, base_url=self.base, headers=headers, timeout=60)


@asynccontextmanager
async def running_house(data: Path, **environment: str) -> AsyncIterator[House]:
    """An application on a data folder; nothing but the arguments decides its settings."""
    settings = Settings.from_environment({"ASSENT_DATA": str(data), "ASSENT_SAMPLE": "0", **environment})
    lines: list[bytes] = []
    application = Application(settings, EventLog(lines.append))
    await application.start()
    try:
        yield House(application, data, lines)
    finally:
        await application.stop()
