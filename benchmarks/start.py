"""The time until a gateway has started and reconciled its orders when the log is five million events long.

A position under a stop and a resting order exist from the beginning. Some complete trades are written through the
store, then copied by the database until the log is long enough. The copies have no hashes, as this log is never
verified. All followers are put at its end. Then the gateway is killed (kill -9): time counts from there to the end of
the reconciliation at its start, and was taken the same way before the log was long. A full reconciliation is requested
as `aristobot reconcile` does. Meanwhile the whole table of events may never be read. At last the table of open streams
is compared with the log and rebuilt from it, which does read everything.

Targets: start and reconciliation below 5 s, no sequential scan. An argument gives another number of events.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from shared.figures import keep
from shared.running import Running, running
from shared.trades import write_trades

from adapters.log.eventstore import Store, open_pool
from aristobot.commands.reconcile import compare, is_fine
from aristobot.wiring import House

EVENTS, TEMPLATE, AT_ONCE = 5_000_000, 20, 200
SYMBOL = "LTC/USDT"
RESTARTS, SHORT_RESTARTS, PAUSE = 5, 3, 33
"""The numbers of kills, and the seconds between two: a terminal that dies within half a minute restarts ever later."""
FOLLOWERS, FAR = ("engine", "gateway", "alerts", "projector"), 10**12
OPEN = 4
"""The number of open streams: the position, its stop, its target, and the resting order."""
TARGET = 5.0
COPY = """
    INSERT INTO log.events (position, stream, version, topic, state, recorded_at, hash)
    SELECT %(head)s + (n - 1) * %(size)s + template.number, md5(n || template.stream::text)::uuid,
        template.version, template.topic, template.state, now(), ''
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n CROSS JOIN template
"""
STARTED = """
    SELECT extract(epoch FROM max(ended.recorded_at))::float8
    FROM log.events AS ended WHERE ended.position > %s AND ended.topic = 'Reconciliation.Completed'
"""


class Log:
    """The log of a running platform, as its owner reaches it."""

    def __init__(self, platform: Running) -> None:
        self._connection = psycopg.connect(platform.owner, autocommit=True)

    def head(self) -> int:
        row = self._connection.execute("SELECT max(position) FROM log.events").fetchone()
        return int(row[0]) if row else 0

    def lengthen(self, after: int, events: int) -> None:
        """Copy all events above a position until the log has so many. Each copy has streams of its own."""
        execute = self._connection.execute
        execute("ALTER TABLE log.events DISABLE TRIGGER USER")
        execute(
            "CREATE TEMPORARY TABLE template AS"
            " SELECT row_number() OVER (ORDER BY position) AS number,"
            " stream, version, topic, state FROM log.events WHERE position > %s",
            (after,),
        )
        head = self.head()
        size = head - after
        copies = (events - head) // size
        for first in range(1, copies + 1, AT_ONCE):
            last = min(first + AT_ONCE - 1, copies)
            execute(COPY, {"head": head, "size": size, "first": first, "last": last})
        execute("ALTER TABLE log.events ENABLE TRIGGER USER")
        execute("ANALYZE log.events")

    def put_followers(self, position: int) -> None:
        """Set all followers to this position, from which they go on after their restart."""
        self._connection.execute("UPDATE log.followers SET position = %s", (position,))
        self._connection.execute("UPDATE books.position SET position = %s", (position,))

    def compared_at(self, after: int) -> float | None:
        """Return when the last reconciliation after a log position ended (Unix time), or None until one has."""
        row = self._connection.execute(STARTED, (after,)).fetchone()
        return row[0] if row else None

    def seconds_of(self, query: str) -> float:
        """Return the seconds that the database takes to answer a query."""
        began = time.monotonic()
        self._connection.execute(query.encode()).fetchall()
        return time.monotonic() - began

    def open_streams(self) -> int:
        row = self._connection.execute("SELECT count(*) FROM log.open_streams").fetchone()
        return int(row[0]) if row else 0

    def scans(self) -> int:
        """Return how often the whole table of events was read."""
        query = "SELECT seq_scan FROM pg_stat_user_tables WHERE schemaname = 'log' AND relname = 'events'"
        row = self._connection.execute(query).fetchone()
        return int(row[0]) if row else 0


def _trade(platform: Running, log: Log) -> None:
    """Buy under a stop and a target, and place an order that rests."""
    told = platform.told
    buy, rest = '"BuyMarket","PrixSL":58000,"PrixTP":72000,"Id":"1"', '"BuyLimit","Prix":55000,"Id":"2"'
    for asked in (buy, rest):
        body = (
            f'{{"Action":{asked},"Symbol":"BTCUSDT","PourCent":5,"UserID":{told["user_number"]},'
            f'"UserExchangeID":{told["broker"]}}}'
        )
        request = urllib.request.Request(told["webhook_url"], body.encode(), method="POST")
        urllib.request.urlopen(request, timeout=10).close()
    deadline = time.monotonic() + 30
    while log.open_streams() < OPEN:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{log.open_streams()} streams are open")
        time.sleep(0.1)


def _skip_backup(home: Path) -> None:
    """Leave a file of a backup made today, or the daily backup would read the whole log."""
    folder = home / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / f"{datetime.now(UTC):aristobot-%Y%m%dT%H%M%SZ}.json").write_text("{}")


def _restart(house: House, names: tuple[str, ...]) -> None:
    """Kill these terminals and wait until they are started again."""
    for terminal in house.bus.terminals(names):
        with suppress(KeyError, ProcessLookupError):
            os.kill(terminal["figures"]["pid"], signal.SIGKILL)
    time.sleep(PAUSE)


def _restarted(house: House, log: Log) -> float:
    """Kill the gateway and return the seconds until the reconciliation at its next start has ended."""
    head = log.head()
    [gateway] = house.bus.terminals(("gateway",))
    os.kill(gateway["figures"]["pid"], signal.SIGKILL)
    began = time.time()
    while (ended := log.compared_at(head)) is None:
        time.sleep(0.02)
    time.sleep(PAUSE)
    return ended - began


def _compared(platform: Running, house: House) -> float:
    """Request a full reconciliation and return the seconds it takes."""
    began = time.monotonic()
    with open_pool(platform.owner) as pool:
        runs = compare(Store(pool, platform.master), house.bus, None, dry=False)
    assert all(is_fine(run) for run in runs), runs
    return time.monotonic() - began


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with running() as platform:
        house, log = platform.house(), Log(platform)
        _skip_backup(platform.home)
        _trade(platform, log)
        time.sleep(PAUSE)
        short = sorted(_restarted(house, log) for _ in range(SHORT_RESTARTS))
        log.put_followers(FAR)  # so that no follower reads what is written now
        _restart(house, FOLLOWERS)
        before, began = log.head(), time.monotonic()
        with open_pool(platform.url("aristobot_writer")) as pool:
            user, broker = platform.told["user_number"], platform.told["broker"]
            write_trades(Store(pool, platform.master), user, broker, SYMBOL, TEMPLATE)
        log.lengthen(before, events)
        print(f"{log.head()} events in {time.monotonic() - began:.0f} s")
        log.put_followers(log.head())
        _restart(house, FOLLOWERS)
        scans = log.scans()
        starts = [_restarted(house, log) for _ in range(RESTARTS)]
        comparisons = sorted(_compared(platform, house) for _ in range(RESTARTS))
        time.sleep(2)
        scans = log.scans() - scans
        figures = {
            "events": log.head(), "open_streams": log.open_streams(), "short_start_s": short[SHORT_RESTARTS // 2],
            "start_s": sorted(starts)[RESTARTS // 2], "slowest_start_s": max(starts),
            "comparison_s": comparisons[RESTARTS // 2], "sequential_scans": scans,
            "differences_s": log.seconds_of("SELECT * FROM log.open_differences()"),
            "rebuild_s": log.seconds_of("SELECT log.rebuild_open()"), "target_s": TARGET,
        }  # fmt: skip
        print({name: round(figure, 2) for name, figure in figures.items()})
        met = max(figures["start_s"], figures["comparison_s"]) < TARGET and not scans
        keep("start", **figures, starts_s=starts, met=met)


if __name__ == "__main__":
    main()
