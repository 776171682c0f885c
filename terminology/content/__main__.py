"""Turns an operator's list of codes into a CodeSystem to be stored: `python -m terminology.content --help`."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from terminology.content.loader import CodeFile, CodeFileError, load_code_file


def main(arguments: list[str]) -> int:
    """Writes the CodeSystem as JSON to standard output; 1 where the file is no list of codes."""
    parser = argparse.ArgumentParser(prog="python -m terminology.content", description=__doc__)
    parser.add_argument("file", type=Path, help="CSV, or text with tabs or bars, with a header")
    parser.add_argument("--url", required=True, help="the URL of the code system")
    parser.add_argument("--edition", required=True, help="its version")
    parser.add_argument("--name", required=True, help="its name for computers, such as HCPCS")
    parser.add_argument(
        "--column", action="append", default=[], metavar="OURS=THEIRS", help="code=..., display=..., end=..."
    )
    given = parser.parse_args(arguments)
    columns = dict(pair.split("=", 1) for pair in given.column if "=" in pair)
    about = CodeFile(given.url, given.edition, given.name, columns)
    try:
        system = load_code_file(given.file.read_bytes(), about, datetime.now(UTC).date())
    except (OSError, CodeFileError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(system, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
