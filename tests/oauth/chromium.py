"""A real Chromium, spoken to by its DevTools protocol over two pipes: no driver, no port, nothing to install."""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROGRAM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
PATIENCE = 120.0
_BEGIN = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
"""Chromium reads at 3 and writes at 4."""

KEYS = {"Tab": 9, "Enter": 13, " ": 32, "Escape": 27, "ArrowDown": 40}


class Chromium:
    """One page, as wide as a phone. Scripts of pages are off: what is asked here is asked from outside."""

    def __init__(self, profile: Path, width: int = 360, height: int = 640) -> None:
        assert PROGRAM is not None
        (their_in, self._out), (self._in, their_out) = os.pipe(), os.pipe()
        high = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (their_in, their_out)]
        flags = [
            "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-sandbox", "--disable-gpu",
            "--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage", "--disable-extensions", "about:blank",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN, *map(str, high), PROGRAM, *flags],
            pass_fds=high, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for end in (their_in, their_out, *high):
            os.close(end)
        self._numbers = itertools.count(1)
        self._left = b""
        self._session: str | None = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable")
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=True)
        self.ask("Emulation.setScriptExecutionDisabled", value=True)

    def ask(self, method: str, **given: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": given}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != number:
            pass
        assert "error" not in answer, (method, answer)
        return dict(answer["result"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._in], [], [], PATIENCE)
            assert ready, "the browser says nothing"
            found = os.read(self._in, 1 << 20)
            assert found, "the browser ended"
            self._left += found
        text, _, self._left = self._left.partition(b"\0")
        return dict(json.loads(text))

    def value(self, expression: str) -> Any:
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def go(self, address: str, title: str) -> None:
        self.ask("Page.navigate", url=address)
        self.wait_for(title)

    def wait_for(self, title: str) -> None:
        """Until the page of that title is there whole."""
        self.until(lambda: self.value("document.readyState + ' ' + document.title") == f"complete {title} - Assent", title)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        begun = time.monotonic()
        while not holds():
            assert time.monotonic() - begun < PATIENCE, (
                f"{what}: {self.value('document.title')}: {self.value('document.body.innerText')}"
            )
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """A key, down and up."""
        given = {
            "key": key,
            "code": "Space" if key == " " else key,
            "windowsVirtualKeyCode": KEYS[key],
            "nativeVirtualKeyCode": KEYS[key],
        }
        text = {"Enter": {"text": "\r"}, " ": {"text": " "}}.get(key, {})
        self.ask("Input.dispatchKeyEvent", type="keyDown", **given, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **given)

    def type(self, text: str) -> None:
        self.ask("Input.insertText", text=text)

    def focused(self) -> str:
        """The name or text of what has the focus."""
        return str(self.value("(e => (e.type !== 'submit' && e.name) || e.innerText || e.tagName)(document.activeElement)"))

    def starts_at(self, name: str) -> None:
        """The page puts the focus there by itself, a moment after it is there."""
        self.until(lambda: self.focused() == name, f"the focus comes to {name}")

    def tab_to(self, name: str) -> None:
        """With nothing but the key Tab."""
        for _ in range(200):
            if self.focused() == name:
                return
            self.press("Tab")
        raise AssertionError(f"{name} is never reached")

    def picture(self, path: Path) -> None:
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        path.write_bytes(
            base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"])
        )

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        os.close(self._out)
        os.close(self._in)
