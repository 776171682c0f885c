"""A real headless Chromium, driven as far as these tests need over the DevTools protocol (through a pipe: no port, no library)."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 60.0
"""Seconds: a guard against waiting for ever."""

_ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe",
)  # fmt: skip

_AS_THREE_AND_FOUR = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""The browser takes what it is told from file 3, and answers on file 4."""


def chromium() -> str | None:
    """The program, where this machine has it."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Chromium:
    """One browser with a profile of its own; `close` ends it."""

    def __init__(self, program: str, profile: Path) -> None:
        ours, theirs = _pipe(), _pipe()  # (theirs reads, we write), (we read, theirs writes)
        command = [program, *_ARGUMENTS, f"--user-data-dir={profile}", "about:blank"]
        start = [sys.executable, "-c", _AS_THREE_AND_FOUR, str(ours[0]), str(theirs[1]), *command]
        self._process = subprocess.Popen(
            start,
            pass_fds=(ours[0], theirs[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(ours[0])
        os.close(theirs[1])
        self._write, self._read = ours[1], theirs[0]
        self._pending, self._number = b"", 0
        self._answers: dict[int, dict[str, Any]] = {}
        self.events: deque[dict[str, Any]] = deque(maxlen=1000)

    def page(self) -> Page:
        """A new one, in a context of its own: nothing is shared with the others, cookies neither."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log"):
            page.call(f"{domain}.enable")
        return page

    def call(self, method: str, /, *, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Raises AssertionError with what the browser says is wrong."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while number not in self._answers:
            self._take(end)
        answer = self._answers.pop(number)
        assert "error" not in answer, (method, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def _take(self, end: float) -> None:
        ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"the browser is silent for {PATIENCE} s"
        chunk = os.read(self._read, 1 << 20)
        assert chunk, "the browser ended"
        *whole, self._pending = (self._pending + chunk).split(b"\0")
        for text in whole:
            message = json.loads(text)
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self.events.append(message)

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)


class Page:
    """A tab: goes to addresses, types, clicks where a person would, and waits for what is to be seen."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session

    def call(self, method: str, /, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, session=self._session, **parameters)

    def go(self, address: str) -> None:
        self.call("Page.navigate", url=address)

    def value(self, expression: str) -> Any:
        """Of a JavaScript expression; None where it cannot be had, as between two pages."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return None if "exceptionDetails" in answer else answer["result"].get("value")

    def until(self, expression: str) -> Any:
        """The first value of it that is something."""
        end = time.monotonic() + PATIENCE
        while not (found := self.value(expression)):
            seen = self.value("location.origin + location.pathname + ' ' + document.body.innerText.slice(0, 2000)")
            assert time.monotonic() < end, f"after {PATIENCE} s not {expression}; {seen}; {self.complaints()}"
            time.sleep(0.05)
        return found

    def title(self, part: str) -> None:
        """Waits for a page whose title has `part` in it."""
        self.until(f"document.readyState === 'complete' && document.title.includes({json.dumps(part)})")

    def type(self, selector: str, text: str) -> None:
        self.until(f"document.querySelector({json.dumps(selector)}) !== null")
        self.value(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        element = f"document.querySelector({json.dumps(selector)})"
        self.until(f"{element} !== null")
        self.value(f"{element}.scrollIntoView({{block: 'center'}})")
        where = self.value(
            f"(box => ({{x: box.x + box.width / 2, y: box.y + box.height / 2}}))({element}.getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **where)

    def complaints(self) -> list[str]:
        """What the browser says of errors: refused by CORS or a policy, scripts that failed. It asks for icons by itself."""
        found = []
        for event in self._browser.events:
            if event.get("sessionId") != self._session:
                continue
            if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                entry = event["params"]["entry"]
                found.append(f"{entry['text']} {urlsplit(entry.get('url', '')).path}".strip())
            elif event["method"] == "Runtime.exceptionThrown":
                found.append(str(event["params"]["exceptionDetails"].get("exception", {}).get("description")))
        return [text for text in found if not text.endswith("/favicon.ico")]


def _pipe() -> tuple[int, int]:
    """Both ends above the numbers that the browser expects its own at."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
