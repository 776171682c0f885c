"""Room on the disk: changes are refused while there is still some left, so that reads can go on being audited.

A read whose audit record cannot be stored is not answered (docs/decisions, 0020 and 0028); without a reserve, the last change
that fits would end all reads.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Room:
    """`reserve` bytes of the disk that holds `folder` are for audit records alone."""

    folder: Path
    reserve: int

    def is_short(self) -> bool:
        """Also False where the system does not say: then the disk itself will."""
        if not self.reserve:
            return False
        try:
            disk = os.statvfs(self.folder)
        except OSError:
            return False
        return disk.f_bavail * disk.f_frsize < self.reserve
