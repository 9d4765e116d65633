"""The exchange dies or falls silent: an order that it took is in the books once, any other is proven or refused."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.faults.books import ANY
from tests.faults.servers import AWAY_SECONDS, LONGEST, Servers


def test_the_exchange_is_killed(servers: Servers, settled: Callable[..., None]) -> None:
    """Its resting orders still rest. An order under way was carried out once, or failed and is not there."""
    before = servers.process("paper", "--port")
    alerts = servers.load(ANY)
    servers.under_way(alerts, 3)
    os.kill(before, signal.SIGKILL)
    died = time.time()
    alerts.result(60)
    settled(servers.house, servers.markets, "alerts under way", "exchange killed", died, LONGEST)


@pytest.mark.parametrize("seconds", AWAY_SECONDS)
def test_the_exchange_falls_silent(servers: Servers, seconds: float, settled: Callable[..., None]) -> None:
    """It accepts connections and says nothing for a while. Then it refuses requests that have grown too old."""
    paper = servers.process("paper", "--port")
    alerts = servers.load(ANY)
    servers.under_way(alerts, 3)
    os.kill(paper, signal.SIGSTOP)
    try:
        until = time.monotonic() + seconds
        servers.house.eventually(lambda: time.monotonic() >= until, 2 * seconds)
    finally:
        os.kill(paper, signal.SIGCONT)
    back = time.time()
    alerts.result(LONGEST)
    settled(servers.house, servers.markets, "alerts under way", f"exchange silent for {seconds:.0f} s", back, LONGEST)
