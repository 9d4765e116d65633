"""Ports for servers that a test starts itself."""

from __future__ import annotations

import os
import random
import socket
from contextlib import ExitStack
from itertools import cycle

FIRST, SHARE, SHARES, MOST = 10_240, 5_632, 4, 8
"""First port, ports per share, number of shares, and most ports in a row. All lie below 32,768.

From 32,768 on, the kernel lends ports to outgoing connections. Such a loan outlasts its connection by a minute, in
which no server can listen on the port: one that was free a moment ago, or that a server being restarted has just left,
would be gone. Each test process has its own share, and reuses a port only after all the others, because a server may
start listening on a port long after it was handed out.
"""
_begins = FIRST + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % SHARES * SHARE
_rows = range(_begins, _begins + SHARE, MOST)
_turns = cycle(random.sample(_rows, len(_rows)))
"""The rows of ports in random order: two suites that walk the same way would collide at every port."""


def neighbours(count: int) -> int:
    """Return the first of `count` neighbouring loopback ports that are free now. Raises `ValueError` above `MOST`."""
    if count > MOST:
        raise ValueError(f"{count} ports in a row, of {MOST} at most")
    while True:
        with ExitStack() as opened:
            first = next(_turns)
            try:
                for port in range(first, first + count):
                    opened.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
