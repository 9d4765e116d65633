"""The servers below a platform, and ways to hurt them while alerts keep coming."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from tests.faults.market import Market
from tests.support.processes import children_of, words_of
from tests.support.samples import thoroughly

ALERTS = 12
AWAY_SECONDS = (12.0, thoroughly(60.0))
"""The first is longer than any wait for one answer; the second lasts until alerts have grown too old."""
BUSY = "SELECT count(*) FROM generate_series(1, 30000000)"
LONGEST = 150


class Servers:
    """A platform with a market that is traded all the time without protection, and one whose position is protected."""

    def __init__(self, house: Any, markets: dict[str, Market]) -> None:
        self.house, self.markets = house, [*markets.values()]
        self.busy = markets["BTC"]
        markets["SOL"].protected()
        self._threads = ThreadPoolExecutor(1)

    def load(self, end: str = "executed") -> Future[None]:
        """Deliver alerts one after the other in the background. Each of them has to end as `end` says."""

        def deliver() -> None:
            for _ in range(ALERTS):
                self.busy.buy(end=end)

        return self._threads.submit(deliver)

    def under_way(self, alerts: Future[None], least: int) -> None:
        """Wait until this many more alerts were delivered."""
        before = len(self.busy.wanted)
        self.house.eventually(lambda: alerts.done() or len(self.busy.wanted) >= before + least)
        assert not alerts.done(), "the load ended before the fault began"

    @property
    def postmaster(self) -> int:
        """The process id of PostgreSQL's first process, or 0 while there is none."""
        try:
            return int((self.house.home / "postgres" / "postmaster.pid").read_text().split()[0])
        except (OSError, IndexError, ValueError):
            return 0

    def process(self, *words: str) -> int:
        """Return the one process of the platform that has these words in its command line."""
        [found] = [pid for pid in self.house.family() if " ".join(words) in " ".join(words_of(pid))]
        return found

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze PostgreSQL meanwhile: it neither answers nor hangs up."""
        first = self.postmaster
        os.kill(first, signal.SIGSTOP)
        stopped = [first, *children_of(first)]
        for pid in stopped[1:]:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(stopped):
                os.kill(pid, signal.SIGCONT)

    def running(self, query: str) -> bool:
        """Return True while this query is being executed."""
        with self.house.database() as connection:
            asked = "SELECT count(*) FROM pg_stat_activity WHERE query = %s AND state = 'active'"
            return connection.execute(asked, (query,)).fetchone() != (0,)

    def spooled(self) -> int:
        """Return the number of deliveries that wait on disk."""
        return len([*(self.house.home / "spool").glob("*.delivery")])
