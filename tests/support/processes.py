"""Processes of this machine, as `/proc` tells of them."""

from __future__ import annotations

from pathlib import Path


def command_of(pid: int) -> bytes:
    """Return the words of a process's command line, each ended by a NUL; nothing once it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def children_of(pid: int) -> list[int]:
    """Return the children of a process, whichever of its threads has started them."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
