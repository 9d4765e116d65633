"""Settling: the last step of a file of a backup."""

from __future__ import annotations

import os
from pathlib import Path


def settle(part: Path, target: Path) -> None:
    """Move a finished file to its name, so that it is durable and there as a whole or not at all."""
    part.chmod(0o600)
    with part.open("rb") as opened:
        os.fsync(opened.fileno())
    part.rename(target)
