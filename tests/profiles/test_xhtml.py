"""Narratives: formatting is let through, anything that could act in a browser is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.xhtml import is_xhtml

OPEN = '<div xmlns="http://www.w3.org/1999/xhtml">'


@pytest.mark.parametrize(
    "inner",
    [
        "text",
        "<p>a <b>b</b><br/></p>",
        '<table class="grid"><tr><td colspan="2">x</td></tr></table>',
        '<a href="http://x.example/a?b=1&amp;c=2">x</a>',
        '<img src="data:image/png;base64,AAAA" alt="x"/>',
        "a&nbsp;b &eacute; &#160; &lt;script&gt;",
        '<p style="color: red; background: url(#x)">x</p>',
        "<!-- a remark --><p>x</p>",
    ],
)
def test_formatting_is_allowed(inner: str) -> None:
    assert is_xhtml(f"{OPEN}{inner}</div>")


@pytest.mark.parametrize(
    "inner",
    [
        "<script>alert(1)</script>",
        "<SCRIPT>x</SCRIPT>",
        '<p onclick="x()">x</p>',
        '<p OnClick="x()">x</p>',
        '<a href="javascript:x()">x</a>',
        '<a href=" JavaScript:x()">x</a>',
        '<a href="java&#115;cript:x()">x</a>',
        '<a href="data:text/html,x">x</a>',
        '<img src="data:image/svg+xml,x"/>x',
        '<iframe src="http://x">x</iframe>',
        "<form><input/></form>x",
        "<object>x</object>",
        "<style>p {}</style>x",
        '<p style="background: url(http://x)">x</p>',
        '<link rel="x" href="y"/>x',
        '<svg xmlns="http://www.w3.org/2000/svg">x</svg>',
        '<p xmlns="http://www.w3.org/2000/svg">x</p>',
        '<x:script xmlns:x="http://www.w3.org/1999/xhtml">x</x:script>',
        "<p>x",
        "x</div><div>y",
        "a & b",
        "",
        "  <p> </p> ",
    ],
)
def test_what_acts_or_is_broken_is_refused(inner: str) -> None:
    assert not is_xhtml(f"{OPEN}{inner}</div>")


@pytest.mark.parametrize(
    "text",
    [
        "<div>no namespace</div>",
        '<p xmlns="http://www.w3.org/1999/xhtml">no div</p>',
        '<!DOCTYPE div [<!ENTITY a "b">]>' + OPEN + "&a;</div>",
        '<?xml version="1.0"?>' + OPEN + "x</div>",
        OPEN + "\x00</div>",
        OPEN + "\ud800</div>",
    ],
)
def test_only_one_plain_div(text: str) -> None:
    assert not is_xhtml(text)


@given(st.text("<>/div pxmlns=\"'&;#a1\x00\ud800", max_size=60))
def test_no_text_makes_it_raise(text: str) -> None:
    assert is_xhtml(text) in {True, False}
    assert is_xhtml(f"{OPEN}{text}</div>") in {True, False}
