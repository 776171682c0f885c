"""The shape of a FHIR address: what routes are looked up by, and all of an address that a log may hold."""

from __future__ import annotations


def template_of(segments: tuple[str, ...]) -> str:
    """The path template that an address has the shape of ("Patient", "1" -> "{type}/{id}"). The third part may be a compartment's member."""
    parts: list[str] = []
    for position, segment in enumerate(segments):
        if segment.startswith("$"):
            parts.append("${operation}")
        elif segment in {"_history", "_search"} or (segment == "_async" and position == 0):
            parts.append(segment)
        elif position == 0:
            parts.append("{type}")
        elif position == 2 and parts[1] == "{id}":
            parts.append("{member}")
        else:
            parts.append("{version}" if segments[position - 1] == "_history" else "{id}")
    return "/".join(parts)
