"""Ports for servers that a test starts itself."""

from __future__ import annotations

import os
import random
import socket
from contextlib import ExitStack
from itertools import cycle

FIRST, SHARE, SHARES, MOST = 10_240, 5_632, 4, 4
"""All of them lie below 32,768, from where on the kernel lends ports to whoever connects.

Such a loan outlasts its connection by a minute, in which nobody can listen there: a port that was free a moment ago,
or that a server has left which is being started again, would be gone. Each test process has a share of its own, and
gives a port out again only after all others, because what it gave out may be listened on much later.
"""
_begins = FIRST + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % SHARES * SHARE
_rows = range(_begins, _begins + SHARE, MOST)
_turns = cycle(random.sample(_rows, len(_rows)))
"""In no order: another suite on this machine that walked the same way would meet us at one port after the other."""


def neighbours(count: int) -> int:
    """The first of some neighbouring ports of loopback, `MOST` at most, that are free now."""
    while True:
        with ExitStack() as opened:
            first = next(_turns)
            try:
                for port in range(first, first + count):
                    opened.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
