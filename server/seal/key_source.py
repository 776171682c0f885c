"""Where the master key comes from: the data folder (made there on first run), the environment, a file, or a command.

At most one of the variables may be set; with one set, the data folder's own key file is neither read nor made. A command is how a
key manager (KMS, vault) gives the key: its standard output is the key. What it prints is never repeated in a message.
"""

from __future__ import annotations

import asyncio
import shlex
import stat
from pathlib import Path
from typing import Final

from server.config import Settings
from server.seal.key_text import key_from_text
from server.seal.master_key import MasterKeyError, load_or_make

COMMAND_SECONDS: Final = 30
MAX_OUTPUT: Final = 4096
_NOTHING: Final = asyncio.subprocess.DEVNULL
_SHAPE: Final = "a key of 32 bytes in hexadecimal or base64"


async def read_master_key(settings: Settings, *, sealed: bool) -> bytes:
    """The key that the settings name. Raises MasterKeyError with one sentence.

    `sealed` says that there is data already: then a missing key file is an error, for a new key could not open it.
    """
    if settings.master_key is not None:
        return settings.master_key
    if settings.master_key_file is not None:
        return key_from_file(settings.master_key_file)
    if settings.master_key_command:
        return await _from_command(settings.master_key_command)
    return load_or_make(settings.data, sealed=sealed)


async def read_again(settings: Settings) -> bytes | None:
    """The key that is there now; None where it cannot be read."""
    try:
        return await read_master_key(settings, sealed=True)
    except MasterKeyError:
        return None


def is_own_file(settings: Settings) -> bool:
    """Whether the key is the data folder's own file, which the program made."""
    return settings.master_key is None and settings.master_key_file is None and not settings.master_key_command


def key_from_file(path: Path) -> bytes:
    """A group may read it: that is how containers mount secrets for a user who is not root."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_bytes()[: MAX_OUTPUT + 1].decode("ascii", "replace")
    except OSError as error:
        raise MasterKeyError(f"The master key file {path} cannot be read.") from error
    if mode & 0o027:
        raise MasterKeyError(f"Others can reach the master key file {path}; make it yours alone with: chmod 600 {path}")
    key = key_from_text(text)
    if key is None:
        raise MasterKeyError(f"The master key file {path} does not hold {_SHAPE}.")
    return key


async def _from_command(command: str) -> bytes:
    code, output = await _run(command)
    if code != 0:
        raise MasterKeyError(
            f"The command of ASSENT_MASTER_KEY_COMMAND failed (exit code {code}): run it by hand to see why."
        )
    key = key_from_text(output[: MAX_OUTPUT + 1].decode("ascii", "replace"))
    if key is None:
        raise MasterKeyError(f"The command of ASSENT_MASTER_KEY_COMMAND did not print {_SHAPE}.")
    return key


async def _run(command: str) -> tuple[int, bytes]:
    """Exit code and standard output; what the command says on standard error is not ours to pass on."""
    try:
        process = await asyncio.create_subprocess_exec(
            *shlex.split(command), stdin=_NOTHING, stdout=asyncio.subprocess.PIPE, stderr=_NOTHING
        )
    except (OSError, ValueError) as error:
        raise MasterKeyError(
            "The command of ASSENT_MASTER_KEY_COMMAND cannot be run: give the program's full path."
        ) from error
    try:
        output, _ = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise MasterKeyError(
            f"The command of ASSENT_MASTER_KEY_COMMAND did not end in {COMMAND_SECONDS} seconds."
        ) from error
    return process.returncode or 0, output
