"""A phone's browser and a keyboard: no pointer, no scripts of pages; what is asked here is asked from outside."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "clients"))
from chromium import Chromium, chromium  # the folder of another area

WIDTH = 360
KEYS = {"Tab": 9, "Enter": 13, " ": 32, "ArrowDown": 40}
_FOCUSED = "(e => (e.type !== 'submit' && e.name) || e.innerText || e.tagName)(document.activeElement)"


class Phone:
    """One page, in a context of its own."""

    def __init__(self, browser: Chromium) -> None:
        self._page = browser.page()
        self.call = self._page.call
        self.value = self._page.value
        self.until = self._page.until
        self.call("Emulation.setDeviceMetricsOverride", width=WIDTH, height=640, deviceScaleFactor=1, mobile=True)
        self.call("Emulation.setScriptExecutionDisabled", value=True)

    def go(self, address: str, title: str) -> None:
        self._page.go(address)
        self.wait_for(title)

    def wait_for(self, title: str) -> None:
        """Until the page of that title is there whole."""
        self.until(f"document.readyState === 'complete' && document.title === {json.dumps(f'{title} - Assent')}")

    def says(self, text: str) -> None:
        """Until the page says so."""
        self.until(f"document.readyState === 'complete' && document.body.innerText.includes({json.dumps(text)})")

    def press(self, key: str) -> None:
        """A key, down and up."""
        given: dict[str, Any] = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": KEYS[key]}
        text = {"Enter": {"text": "\r"}, " ": {"text": " "}}.get(key, {})
        self.call("Input.dispatchKeyEvent", type="keyDown", **given, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **given)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def focused(self) -> str:
        """The name or text of what has the focus."""
        return str(self.value(_FOCUSED))

    def starts_at(self, name: str) -> None:
        """The page puts the focus there by itself, a moment after it is there."""
        self.until(f"{_FOCUSED} === {json.dumps(name)}")

    def tab_to(self, name: str) -> None:
        """With nothing but the key Tab."""
        for _ in range(200):
            if self.focused() == name:
                return
            self.press("Tab")
        raise AssertionError(f"{name} is never reached")


__all__ = ["WIDTH", "Chromium", "Phone", "chromium"]
