"""`assent serve`: check what can be checked, open the store, listen, say so, and stop in good order on a signal.

One process, one event loop (uvicorn with uvloop and httptools, and bounds of ours: server/connection.py). uvicorn's access log stays off, because it writes addresses;
requests are logged by the application, without them.
"""

from __future__ import annotations

import errno
import os
import resource
import shlex
import signal
import socket
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from server.accounts.demo import SignIn
from server.banner import banner
from server.config import ConfigurationError, Settings
from server.connection import IDLE_SECONDS, Connection, Watch
from server.headers import transport_security
from server.lock import folder_lock
from server.logs import EventLog, stderr_log
from server.seldom import Seldom
from server.tls import tls_context
from server.websocket.connection import SocketConnection

GRACE: Final = 10
"""Seconds that requests under way are given to end."""

BACKLOG: Final = 2048

_TICKS: Final = 10
"""uvicorn's loop turns ten times a second."""

UNREAD_MS: Final = 60_000
"""A caller who takes nothing of his answer for so long is hung up on: the answer is memory."""


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Serve until SIGINT or SIGTERM; raises `ConfigurationError` when the server cannot start."""
    settings = Settings.from_environment(environ)
    _allow_files()
    _write_no_core()
    os.umask(0o077)  # whatever is written into the data folder is for its owner alone
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    try:
        with closing(listener(settings)) as own_socket, folder_lock(settings.data):
            log = stderr_log(settings.log_level)
            application = import_module("server.app").create_app(settings, log)  # loaded once nothing is in its way
            serve(
                settings,
                application,
                own_socket,
                lambda: _announce(settings, getattr(application, "demo_accounts", ())),
                getattr(application, "leave", lambda: None),
                log,
            )
    except _SignalledError:
        pass
    return 0


def _allow_files() -> None:
    """As many open files, connections among them, as the system lets this process have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS names a hard limit that it does not give
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _write_no_core() -> None:
    """Should the process crash, its memory stays unwritten: keys and records are in it. Whoever looks for a fault can raise the limit again."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


class _SignalledError(BaseException):
    """A signal asked the process to end, while it started or after uvicorn had shut down."""


def _leave(number: int, frame: object) -> None:
    raise _SignalledError


def _announce(settings: Settings, demo_accounts: Sequence[SignIn] = ()) -> None:
    """`demo_accounts` are known once the application has started."""
    accounts = [(account.name, account.password) for account in demo_accounts]
    print(banner(f"{settings.base_url}/fhir", settings.sample, _as_called(settings), accounts), end="", flush=True)


def _as_called(settings: Settings) -> str:
    """How a person in this folder calls `assent` so that it finds the data folder of this server."""
    installed = Path(".venv/bin/assent")
    program = str(installed) if installed.exists() else "assent"
    if settings.data == Path("assent-data").absolute():
        return program
    return f"ASSENT_DATA={shlex.quote(str(settings.data))} {program}"


def listener(settings: Settings) -> socket.socket:
    """A socket bound to the host and port; raises `ConfigurationError` where that cannot be."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigurationError(f"The host {settings.host} cannot be resolved: set ASSENT_HOST to an address.") from error
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise _cannot_listen(settings, error) from error
    return bound


def _cannot_listen(settings: Settings, error: OSError) -> ConfigurationError:
    place = f"port {settings.port} of {settings.host}"
    if error.errno == errno.EADDRINUSE:
        return ConfigurationError(
            f"Another program already listens on {place}: stop it, or choose another port with ASSENT_PORT, "
            f"as in `ASSENT_PORT={settings.port % 65535 + 1} make run`."
        )
    reason = os.strerror(error.errno or 0)
    return ConfigurationError(f"Assent cannot listen on {place} ({reason}): change ASSENT_HOST or ASSENT_PORT.")


def serve(
    settings: Settings,
    application: ASGIApp,
    own_socket: socket.socket,
    announce: Callable[[], None],
    leave: Callable[[], None],
    log: EventLog,
) -> None:
    """Run the application on the socket until a signal. Raises `ConfigurationError`.

    `announce` is called once callers are being answered, `leave` when no more are let in.
    """
    watched = _Watched(application)
    secure = tls_context(settings.tls_certificate, settings.tls_key)
    ended = Seldom(log, "connection ended")
    config = uvicorn.Config(
        watched,
        loop="uvloop",
        http=Connection,
        ws=SocketConnection,
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        backlog=BACKLOG,
        headers=[(name.decode(), value.decode()) for name, value in transport_security(settings.base_url)],
        proxy_headers=False,  # server/proxies.py knows whom to believe
        timeout_keep_alive=int(IDLE_SECONDS),
        timeout_graceful_shutdown=GRACE,
        ssl_context_factory=None if secure is None else lambda _, __: secure,
    )
    try:
        _Server(config, announce, leave, Watch(settings.request_seconds, ended)).run(sockets=[own_socket])
    except SystemExit as end:  # uvicorn's way to say that the application's start failed
        raise watched.problem or ConfigurationError("The server could not start; the log above says where.") from end
    except OSError as error:
        raise _cannot_listen(settings, error) from error


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, announce: Callable[[], None], leave: Callable[[], None], watch: Watch
    ) -> None:
        super().__init__(config)
        self._announce = announce
        self._leave = leave
        self._watch = watch

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS == 0:
            self._watch.look(self.server_state.connections, time.monotonic())
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._leave()
        await super().shutdown(sockets=sockets)


class _Watched:
    """The application, with the reason remembered for which its start failed."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application
        self.problem: ConfigurationError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._application(scope, receive, send)
        except ConfigurationError as error:
            self.problem = error
            raise
