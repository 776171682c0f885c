"""What a person who has just started the server can try next: printed by `assent serve`, after the server is ready."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

_AUTHORIZED = '-H "Authorization: Bearer $TOKEN"'
_SEND = f"curl -s {_AUTHORIZED} -H 'Content-Type: application/fhir+json'"


def banner(base_url: str, sample: bool, assent: str = ".venv/bin/assent", accounts: Sequence[tuple[str, str]] = ()) -> str:
    """Copy-and-paste lines for the server at `base_url` (ends in `/fhir`, no trailing slash).

    `accounts` are the names and passwords of those who may sign in to try it. `sample` says whether the synthetic practice was loaded; `assent` is the program as the person calls it, in words of the
    shell. The lines run in the folder of the checkout. The text ends with a newline.
    """

    def at(path: str) -> str:
        return quote(f"{base_url}/{path}")

    def send(body: str, path: str) -> str:
        return f"{_SEND} -d @examples/bodies/{body} {at(path)}"

    steps = [
        ("What the server can do", f"curl -s {at('metadata')}"),
        ("A token, which everything else needs", f"TOKEN=$({assent} token --role staff)"),
        ("A patient of the synthetic practice", f"curl -s {_AUTHORIZED} {at('Patient?name=Villanueva')}"),
        ("Would the payer approve this? (stores nothing)", send("lumbar-mri-gaps.json", "Claim/$preview-risk")),
        ("Send a request to the payer", send("lumbar-mri.json", "Claim/$submit")),
        ("Ask what became of it", send("inquiry.json", "Claim/$inquire")),
        ("Who did all this?", f"curl -s {_AUTHORIZED} {at('AuditEvent?_count=5')}"),
    ]
    lines = [f"Assent is ready at {base_url}", ""]
    for title, command in steps:
        if sample or "synthetic practice" not in title:
            lines += [f"  {title}:", f"    {command}", ""]
    if accounts:
        lines += ["  For an app's sign-in page (these exist only with the synthetic practice):", ""]
        lines += [f"  {name:<14} {password}" for name, password in accounts] + [""]
    holds = "It holds a synthetic practice, in which every person is invented." if sample else "It is empty."
    lines.append(f"{holds} README.md goes on from here. Stop the server with Ctrl+C.")
    return "\n".join(lines) + "\n"
