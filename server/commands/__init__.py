"""The commands of `assent`: one module each, with `run(arguments, environ) -> exit code`.

A module is loaded only when its command is asked for, so that `assent token` does not wait for the web server's imports.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from importlib import import_module

from server.config import ConfigurationError


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Run the command that `arguments.command` names; what is wrong is said in one sentence on standard error (2)."""
    command: Callable[[Namespace, Mapping[str, str]], int] = import_module(f"server.commands.{arguments.command}").run
    try:
        return command(arguments, environ)
    except ConfigurationError as error:
        print(f"assent: {error}", file=sys.stderr)
        return 2
