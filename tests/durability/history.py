"""Histories of a few registers, recorded by parallel callers over HTTP: what was asked when, what was answered when."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
from diary import SYSTEM, basic, client_of
from linearizability import Operation, check
from registers import CreateOnce, Delete, Drop, Held, Is, Look, Made, Place, Put, Read, Refused, Wrote, resource

CALLERS = 6
REGISTERS = 3
PLACES = 2
AWAY_SECONDS = 0.02
LEAST_SECONDS = 1.0


class UnexpectedAnswerError(AssertionError):
    """No answer that a server may give."""


@dataclass
class Recorder:
    """`base` and `token` of the server; `histories` by register."""

    base: str
    token: str
    seed: int = 0
    histories: dict[str, list[Operation]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, operations: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Let callers ask for a while, then also while `meanwhile` is done, and as long afterwards.

        Raises what any of them stumbled over.
        """
        stop = threading.Event()
        with ThreadPoolExecutor(CALLERS) as callers:
            asking = [callers.submit(self._ask, _Caller(self, number), stop) for number in range(CALLERS)]
            try:
                self._wait_for(operations, asking)
                meanwhile()
                self._wait_for(operations, asking)
            finally:
                stop.set()
        for caller in asking:
            caller.result()

    def _wait_for(self, more: int, callers: list[Future[None]]) -> None:
        """For so many operations, and a second."""
        enough, started = self.operations() + more, time.monotonic()
        while self.operations() < enough or time.monotonic() - started < LEAST_SECONDS:
            time.sleep(0.02)
            if any(caller.done() for caller in callers):
                return

    def _ask(self, caller: _Caller, stop: threading.Event) -> None:
        with client_of(self.base, self.token) as client:
            while not stop.is_set():
                caller.ask(client)

    def add(self, register: str, operation: Operation) -> None:
        with self._lock:
            self.histories.setdefault(register, []).append(operation)

    def operations(self) -> int:
        return sum(map(len, self.histories.values()))

    def unknown(self) -> int:
        return sum(not one.is_known for history in self.histories.values() for one in history)

    def check(self) -> None:
        """Every history is linearizable."""
        for register, history in self.histories.items():
            if register.startswith("place"):
                told = frozenset(one.answer.id for one in history if isinstance(one.answer, Made) and one.answer.is_new)
                verdict = check(history, None, Place(told))
            else:
                verdict = check(history, Held(), resource)
            assert verdict.is_linearizable, f"{register}: none of these can be next: {verdict.stuck}"


class _Caller:
    """One of several at once. It remembers what it last saw, so that its conditions are now and then true."""

    def __init__(self, recorder: Recorder, number: int) -> None:
        self._recorder = recorder
        self._number = number
        self._chance = random.Random(recorder.seed * 100 + number)
        self._versions = Counter[str]()
        self._holders: dict[str, str] = {}
        self._written = 0

    def ask(self, client: httpx.Client) -> None:
        if self._chance.random() < 0.3:
            self._ask_place(client, f"place-{self._chance.randrange(PLACES)}")
        else:
            self._ask_resource(client, f"register-{self._recorder.seed}-{self._chance.randrange(REGISTERS)}")

    def _ask_resource(self, client: httpx.Client, register: str) -> None:
        ask = self._next(register)
        url = f"/Basic/{register}"
        headers: dict[str, str] = {}
        if isinstance(ask, Put | Delete) and ask.if_match is not None:
            headers["If-Match"] = f'W/"{ask.if_match}"'
        if isinstance(ask, Read):
            answer = self._send(client, register, ask, "GET", url, headers, _as_read)
        elif isinstance(ask, Delete):
            answer = self._send(client, register, ask, "DELETE", url, headers, _as_write)
        else:
            headers |= {"If-None-Match": "*"} if ask.if_none else {}
            body = {**basic(register), "code": {"text": ask.value}}
            answer = self._send(client, register, ask, "PUT", url, headers, _as_write, body)
        if isinstance(answer, Is | Wrote) and answer.version:
            self._versions[register] = answer.version

    def _next(self, register: str) -> Read | Put | Delete:
        kind = self._chance.random()
        self._written += 1
        value, seen = f"{self._number}-{self._written}", self._versions[register] or None
        if kind < 0.4:
            return Read()
        if kind < 0.65:
            return Put(value, if_match=seen)
        if kind < 0.85:
            return Put(value)
        if kind < 0.93:
            return Put(value, if_none=True)
        return Delete(if_match=seen if kind < 0.96 else None)

    def _ask_place(self, client: httpx.Client, place: str) -> None:
        identifier = f"{SYSTEM}|{place}-{self._recorder.seed}"
        kind, holder = self._chance.random(), self._holders.get(place)
        answer: Any
        if kind < 0.3:
            answer = self._send(client, place, Look(), "GET", f"/Patient?identifier={identifier}", {}, _as_look)
        elif kind < 0.5 and holder is not None:
            self._send(client, place, Drop(holder), "DELETE", f"/Patient/{holder}", {}, _as_drop)
            answer = None
        else:
            body = {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": identifier.partition("|")[2]}]}
            headers = {"If-None-Exist": f"identifier={identifier}"}
            answer = self._send(client, place, CreateOnce(), "POST", "/Patient", headers, _as_create, body)
        if isinstance(answer, Made):
            self._holders[place] = answer.id
        elif isinstance(answer, tuple) and answer:
            self._holders[place] = answer[0]

    def _send(
        self, client: httpx.Client, register: str, ask: Any, method: str, url: str, headers: dict[str, str],
        understand: Callable[[httpx.Response], Any], body: Any = None,
    ) -> Any:  # fmt: skip
        """Ask, and note it. Reads whose answer is lost say nothing, and what was never sent neither."""
        call = time.monotonic()
        answer: Any = None
        try:
            response = client.request(method, url, json=body, headers=headers)
        except httpx.ConnectError:
            time.sleep(AWAY_SECONDS)
            return None
        except httpx.TransportError:
            pass
        else:
            self._recorder.statuses[response.status_code] += 1
            if response.status_code == 503:
                if "Retry-After" not in response.headers:
                    raise UnexpectedAnswerError("503 without Retry-After")
            else:
                answer = Refused(409) if response.status_code == 409 else understand(response)
        end = time.monotonic() if answer is not None else math.inf
        if answer is not None or not isinstance(ask, Read | Look):
            self._recorder.add(register, Operation(call, end, ask, answer))
        return answer


def _as_read(response: httpx.Response) -> Is:
    if response.status_code in (404, 410):
        return Is(404) if response.status_code == 404 else Is(410)
    resource = _checked(response, 200).json()
    return Is(200, int(resource["meta"]["versionId"]), resource["code"]["text"])


def _as_write(response: httpx.Response) -> Wrote | Refused:
    if response.status_code in (404, 412):
        return Refused(404) if response.status_code == 404 else Refused(412)
    return Wrote(int(_checked(response, 200, 201, 204).headers["ETag"][3:-1]))


def _as_create(response: httpx.Response) -> Made:
    return Made(_checked(response, 200, 201).json()["id"], response.status_code == 201)


def _as_look(response: httpx.Response) -> tuple[str, ...]:
    return tuple(entry["resource"]["id"] for entry in _checked(response, 200).json().get("entry", []))


def _as_drop(response: httpx.Response) -> bool:
    return _checked(response, 204).status_code == 204


def _checked(response: httpx.Response, *expected: int) -> httpx.Response:
    if response.status_code not in expected:
        raise UnexpectedAnswerError(f"{response.status_code}: {response.text[:500]}")
    return response
