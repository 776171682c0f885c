"""Redirect addresses: which can be registered, and which are the same (RFC 9700 4.1.3, RFC 8252)."""

from __future__ import annotations

import pytest
from oauth_app import APP

from server.oauth.redirect_uri import matches, problem_of


@pytest.mark.parametrize(
    "uri",
    ["ftp://a.example/x", "http://a.example/x", "app:/x", "https://*.example/x", "https://a.example/x#y", "https://u@a.example/", "x", "https://a.example/a/../b", "https:///x", "https://a.example/ü", "https://a.example/ x", "javascript:x.y", "https://a.example;script-src/x", "https://a'b/x", "https://-a/x", "https://a.example:123456/x", "a" * 2000],
)  # fmt: skip
def test_what_cannot_be_registered(uri: str) -> None:
    assert problem_of(uri) is not None


@pytest.mark.parametrize(
    "uri", [APP, "http://127.0.0.1/x", "http://localhost:3000/x", "org.example.app:/x", "http://[::1]:1/x"]
)
def test_what_can_be_registered(uri: str) -> None:
    assert problem_of(uri) is None
    assert matches(uri, uri)


@pytest.mark.parametrize(
    ("registered", "asked", "same"),
    [
        ("http://127.0.0.1/x", "http://127.0.0.1:51000/x", True),
        ("http://127.0.0.1:1/x", "http://127.0.0.1:51000/x", True),
        ("http://[::1]/x", "http://[::1]:9/x", True),
        ("http://127.0.0.1/x", "http://127.0.0.1:51000/y", False),
        ("http://127.0.0.1/x", "http://127.0.0.1:51000@evil.example/x", False),
        ("http://127.0.0.1/x", "http://u@127.0.0.1:51000/x", False),
        ("http://127.0.0.1/x", "http://127.0.0.2/x", False),
        ("http://127.0.0.1/x", "https://127.0.0.1/x", False),
        ("http://127.0.0.1/x", "http://127.0.0.1:99999999/x", False),
        ("http://localhost/x", "http://localhost:51000/x", False),
        (APP, "https://app.example:8443/callback", False),
    ],
)
def test_only_the_port_of_a_loopback_address_may_differ(registered: str, asked: str, same: bool) -> None:
    assert matches(registered, asked) is same
