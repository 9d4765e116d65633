"""Ports for servers that a test starts itself."""

from __future__ import annotations

import socket
from contextlib import ExitStack


def neighbours(count: int) -> int:
    """The first of several neighbouring ports of loopback that are free now."""
    while True:
        with ExitStack() as opened:
            taken = [opened.enter_context(socket.socket()) for _ in range(count)]
            try:
                taken[0].bind(("127.0.0.1", 0))
                first: int = taken[0].getsockname()[1]
                for distance, one in enumerate(taken[1:], start=1):
                    one.bind(("127.0.0.1", first + distance))
            except (OSError, OverflowError):
                continue
            return first
