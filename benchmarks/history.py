"""The cost of a signal after ten thousand trades in its market, against a fresh market; also right after a restart.

Ten thousand complete trades of BTC/USDT, and none of ETH/USDT, are written into the log of a running platform as the
platform itself would record them. Then small buys and sells arrive at the door one at a time, in turns on both markets.
The time counts from `Webhook.Received` to `Order.Submitted` in the log; the ratio is the median of the ratios of pairs.
Then engine and gateway are killed (kill -9) again and again, and the first signal after each restart counts, in each
market in turn. Target: at most 1.2 times.
"""

from __future__ import annotations

import os
import signal
import statistics
import time
import urllib.request
from uuid import uuid4

import psycopg
from shared.figures import keep
from shared.running import Running, running
from shared.trades import write_trades

from adapters.log.eventstore import Store, open_pool
from aristobot.wiring import House

TRADES = 10_000
PAIRS, RESTARTS = 31, 6
MARKETS = ("BTC/USDT", "ETH/USDT")
FOLLOWERS = ("engine", "gateway")
TARGET = 1.2


class Door:
    """Sends alerts and reads from the log how long they took."""

    def __init__(self, platform: Running) -> None:
        self._told = platform.told
        self._log = psycopg.connect(platform.owner, autocommit=True)

    def way(self, symbol: str, action: str, share: str) -> float:
        """Send one alert and return the milliseconds from its `Received` to its `Submitted`."""
        name, before = uuid4().hex, self.head()
        body = (
            f'{{"Action":"{action}","Symbol":"{symbol.replace("/", "")}","PourCent":"{share}","Id":"{name}",'
            f'"UserID":{self._told["user_number"]},"UserExchangeID":{self._told["broker"]}}}'
        )
        urllib.request.urlopen(
            urllib.request.Request(self._told["webhook_url"], body.encode(), method="POST"), timeout=10
        )
        query = """
            SELECT max(recorded_at) FILTER (WHERE topic = 'Order.Submitted'),
                   min(recorded_at) FILTER (WHERE topic = 'Webhook.Received'),
                   count(*) FILTER (WHERE topic = 'Order.Filled')
            FROM log.events WHERE position > %s
        """
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            submitted, received, filled = self._log.execute(query, (before,)).fetchone() or (None, None, 0)
            if submitted is not None and filled:
                time.sleep(0.1)  # until the fill is counted, so that the next alert does not wait for it
                return float((submitted - received).total_seconds() * 1000)
            time.sleep(0.01)
        raise TimeoutError(f"{action} {symbol} was not submitted")

    def head(self) -> int:
        row = self._log.execute("SELECT max(position) FROM log.events").fetchone()
        return int(row[0]) if row else 0


def measure(door: Door, pairs: int) -> dict[str, list[float]]:
    """Send pairs of alerts, old market and fresh market in turns, and return their times (ms) by market."""
    ways: dict[str, list[float]] = {symbol: [] for symbol in MARKETS}
    for number in range(pairs):
        action, share = ("BuyMarket", "2") if number % 2 == 0 else ("SellMarket", "50")
        for symbol in MARKETS if number % 4 < 2 else reversed(MARKETS):
            ways[symbol].append(door.way(symbol, action, share))
    return ways


def restart(house: House) -> None:
    """Kill engine and gateway, and wait until both are back and the private stream is connected."""
    killed = {one["name"]: one["figures"]["pid"] for one in house.bus.terminals(FOLLOWERS)}
    for pid in killed.values():
        os.kill(pid, signal.SIGKILL)
    while True:
        time.sleep(0.5)
        found = {one["name"]: one["figures"] for one in house.bus.terminals(FOLLOWERS) if one["figures"]}
        back = [name for name in FOLLOWERS if found.get(name, {}).get("pid") not in {None, killed[name]}]
        if len(back) == len(FOLLOWERS) and found["gateway"].get("streams"):
            time.sleep(2)
            return


def ratio(ways: dict[str, list[float]]) -> float:
    """Return the median of the pairs' ratios."""
    return statistics.median(old / fresh for old, fresh in zip(*(ways[symbol] for symbol in MARKETS), strict=True))


def main() -> None:
    with running() as platform:
        house = platform.house()
        door, began = Door(platform), time.monotonic()
        followers = {one["name"]: one["figures"]["pid"] for one in house.bus.terminals(FOLLOWERS)}
        for pid in followers.values():
            os.kill(pid, signal.SIGSTOP)  # so that they judge nothing that is written now
        with open_pool(platform.url("aristobot_writer")) as pool:
            user, broker = platform.told["user_number"], platform.told["broker"]
            write_trades(Store(pool, platform.master), user, broker, MARKETS[0], TRADES)
        with psycopg.connect(platform.owner, autocommit=True) as connection:
            connection.execute("UPDATE log.followers SET position = %s", (door.head(),))
        for pid in followers.values():
            os.kill(pid, signal.SIGKILL)
        print(f"{TRADES} trades written in {time.monotonic() - began:.0f} s, {door.head()} events")
        time.sleep(10)
        measure(door, 4)
        ways = measure(door, PAIRS)
        first = {symbol: list[float]() for symbol in MARKETS}
        for number in range(RESTARTS):
            restart(house)
            symbol = MARKETS[number % 2]
            first[symbol].append(door.way(symbol, "BuyMarket", "1"))
        figures = {
            "old_ms": statistics.median(ways[MARKETS[0]]), "fresh_ms": statistics.median(ways[MARKETS[1]]),
            "ratio": ratio(ways), "ratio_after_restart": ratio(first), "target": TARGET,
        }  # fmt: skip
        print({name: round(figure, 2) for name, figure in figures.items()})
        keep("history", **figures)


if __name__ == "__main__":
    main()
