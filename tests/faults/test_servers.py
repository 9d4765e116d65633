"""What the platform stands on dies, freezes or is full: nothing that was acknowledged is lost or done twice."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from json import loads
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from tests.faults.books import ANY
from tests.faults.market import Market

ALERTS = 12
AWAY_SECONDS = 60.0
BUSY = "SELECT count(*) FROM generate_series(1, 60000000)"
LONGEST = 150


class Servers:
    """A platform, a market without protection that is traded all the time, and one whose position rests protected."""

    def __init__(self, house: Any, markets: dict[str, Market]) -> None:
        self.house, self.markets = house, [*markets.values()]
        self.busy = markets["BTC"]
        markets["SOL"].protected()
        self._threads = ThreadPoolExecutor(1)

    def load(self, end: str = "executed") -> Future[None]:
        """Alerts one after the other, in the background, and how each of them has to end."""

        def deliver() -> None:
            for _ in range(ALERTS):
                self.busy.buy(end=end)

        return self._threads.submit(deliver)

    def under_way(self, alerts: Future[None], least: int) -> None:
        """Wait until so many more alerts were delivered."""
        before = len(self.busy.wanted)
        self.house.eventually(lambda: alerts.done() or len(self.busy.wanted) >= before + least)
        assert not alerts.done(), "the load ended before the fault began"

    @property
    def postmaster(self) -> int:
        """PostgreSQL's first process; 0 while there is none."""
        try:
            return int((self.house.home / "postgres" / "postmaster.pid").read_text().split()[0])
        except (OSError, IndexError, ValueError):
            return 0

    def process(self, *words: str) -> int:
        """A child of the supervisor by some words of its command line."""
        [found] = [pid for pid in self.house.family() if b"\0".join(word.encode() for word in words) in _command(pid)]
        return found

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """PostgreSQL neither answers nor hangs up."""
        first = self.postmaster
        os.kill(first, signal.SIGSTOP)
        stopped = [first, *_children(first)]
        for pid in stopped[1:]:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(stopped):
                os.kill(pid, signal.SIGCONT)

    def running(self, query: str) -> bool:
        """Whether somebody's query is being carried out."""
        with self.house.database() as connection:
            asked = "SELECT count(*) FROM pg_stat_activity WHERE query = %s AND state = 'active'"
            return connection.execute(asked, (query,)).fetchone() != (0,)

    def spooled(self) -> int:
        """How many deliveries wait on disk."""
        return len([*(self.house.home / "spool").glob("*.delivery")])


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


@pytest.fixture(scope="module")
def servers(house: Any, markets: dict[str, Market]) -> Servers:
    """What these tests hurt."""
    return Servers(house, markets)


def test_postgresql_is_killed(servers: Servers, settled: Callable[..., None]) -> None:
    """The supervisor starts it again; what a sender was promised is carried out once."""
    alerts, before = servers.load(), servers.postmaster
    servers.under_way(alerts, 3)
    os.kill(before, signal.SIGKILL)
    died = time.time()
    alerts.result(60)
    servers.house.eventually(lambda: servers.postmaster not in {0, before})
    settled(servers.house, servers.markets, "alerts under way", "PostgreSQL killed", died, LONGEST)


def test_postgresql_is_killed_while_a_query_runs(servers: Servers, settled: Callable[..., None]) -> None:
    """What is left of it holds its memory until the query has ended: it is started again as soon as that is free."""

    def long_query() -> None:
        with servers.house.database() as connection, suppress(psycopg.OperationalError):
            connection.execute(BUSY)

    before = servers.postmaster
    query = ThreadPoolExecutor(1).submit(long_query)
    servers.house.eventually(lambda: servers.running(BUSY))
    alerts = servers.load()
    os.kill(before, signal.SIGKILL)
    died = time.time()
    servers.house.eventually(lambda: servers.postmaster not in {0, before}, LONGEST)
    query.result(LONGEST)
    alerts.result(LONGEST)
    settled(servers.house, servers.markets, "alerts under way", "PostgreSQL killed in a query", died, LONGEST)


def test_valkey_is_emptied(servers: Servers, settled: Callable[..., None]) -> None:
    """It holds nothing that could be missed, and the signs of life come back."""
    alerts = servers.load()
    servers.under_way(alerts, 3)
    with redis.Redis.from_url(loads((servers.house.home / "servers.json").read_text())["redis"]) as client:
        client.flushall()
    emptied = time.time()
    alerts.result(60)
    settled(servers.house, servers.markets, "alerts under way", "Valkey emptied", emptied)
    servers.house.eventually(lambda: servers.house.pids().keys() >= {"web", "engine", "gateway", "projector"})


def test_valkey_is_killed(servers: Servers, settled: Callable[..., None]) -> None:
    """The supervisor starts it again; no terminal has to be."""
    pids, before = servers.house.pids(), servers.process("valkey-server")
    alerts = servers.load()
    servers.under_way(alerts, 3)
    os.kill(before, signal.SIGKILL)
    died = time.time()
    alerts.result(60)
    settled(servers.house, servers.markets, "alerts under way", "Valkey killed", died)
    servers.house.eventually(lambda: servers.house.pids() == pids)


def test_the_exchange_is_killed(servers: Servers, settled: Callable[..., None]) -> None:
    """What it had rests still; what was under way was carried out once, or failed and is not there."""
    before = servers.process("paper", "--port")
    alerts = servers.load(ANY)
    servers.under_way(alerts, 3)
    os.kill(before, signal.SIGKILL)
    died = time.time()
    alerts.result(60)
    settled(servers.house, servers.markets, "alerts under way", "exchange killed", died, LONGEST)


def test_the_exchange_falls_silent(servers: Servers, settled: Callable[..., None]) -> None:
    """It takes connections and says nothing for a minute; then it refuses what has grown too old for it."""
    paper = servers.process("paper", "--port")
    alerts = servers.load(ANY)
    servers.under_way(alerts, 3)
    os.kill(paper, signal.SIGSTOP)
    try:
        until = time.monotonic() + AWAY_SECONDS
        servers.house.eventually(lambda: time.monotonic() >= until, 2 * AWAY_SECONDS)
    finally:
        os.kill(paper, signal.SIGCONT)
    back = time.time()
    alerts.result(LONGEST)
    settled(
        servers.house, servers.markets, "alerts under way", f"exchange silent for {AWAY_SECONDS:.0f} s", back, LONGEST
    )


def test_postgresql_freezes(servers: Servers, settled: Callable[..., None]) -> None:
    """The door goes on answering 200 and keeps what it took: carried out then, or told to have grown too old."""
    with servers.frozen():
        until = time.monotonic() + AWAY_SECONDS
        answers = [servers.busy.deliver(ANY) for _ in range(ALERTS)]
        servers.house.eventually(lambda: time.monotonic() >= until, 2 * AWAY_SECONDS)
        answers.append(servers.busy.deliver())
        assert servers.spooled() >= ALERTS
    assert set(answers) == {200}
    back = time.time()
    settled(servers.house, servers.markets, f"{len(answers)} alerts", "PostgreSQL frozen for a minute", back, LONGEST)
    assert servers.spooled() == 0


def test_the_disk_is_full_while_postgresql_is_frozen(servers: Servers, settled: Callable[..., None]) -> None:
    """Nobody is told 200 for what could not be kept; who tries again is heard, and once."""
    receiver = servers.house.pids()["receiver"]
    with servers.frozen():
        limits = resource.prlimit(receiver, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        answers = [servers.busy.deliver() for _ in range(3)]
        resource.prlimit(receiver, resource.RLIMIT_FSIZE, limits)
        kept = servers.busy.deliver()
    back = time.time()
    assert set(answers) == {500}
    assert kept == 200
    servers.busy.again()
    settled(servers.house, servers.markets, "4 alerts", "disk full, PostgreSQL frozen", back, LONGEST)
    assert servers.house.pids()["receiver"] == receiver
