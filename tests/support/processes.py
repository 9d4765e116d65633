"""Processes of this machine, as `/proc` tells of them."""

from __future__ import annotations

from pathlib import Path


def words_of(pid: int) -> list[str]:
    """Return the words of a process's command line, which forks write with spaces; none once it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").split()
    except OSError:
        return []


def children_of(pid: int) -> list[int]:
    """Return the children of a process, whichever of its threads has started them."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def descendants_of(pid: int) -> list[int]:
    """Return the children of a process, and theirs."""
    children = children_of(pid)
    return children + [further for child in children for further in descendants_of(child)]
