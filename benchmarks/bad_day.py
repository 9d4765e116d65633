"""A bad day at the exchange, on `aristobot run`: limits are used up, and stops can be neither moved nor placed.

- `burst`: 200 buys in a second at one broker that may place 50 orders in ten seconds, without protection and with a
  list. Targets: as many are sent as have room before they are too old; none is sent twice; the others are reported as
  stale; no position is without its stop for more than a second; the exchange never refuses because of a used-up limit.
- `move`: the stop is moved while every new order is refused with -1015 for nine seconds. Targets: the old stop is never
  cancelled before the limit ends; the new one rests at most a second after that; and at most 0.1 s pass without either,
  which is what a list takes: the exchange has no call that replaces one list by another.
- `exit`: the same with a sale; at 85 % of the address's weight, also while a buy in another market waits for weight;
  and at 100 %, until the minute ends. Targets: sold at most a second after it is possible; until then the stop rests.
- `passed`: the market falls through a stop that the exchange does not let rest. Target: the sale is sent at most
  2.5 seconds after the price.

The limit of nine seconds comes in two ways: `told`, where the account's count shows it too, and `untold`, by refusals
alone. Each round has two positions, one under a stop alone and one under a list, which take turns in being first. Rests
and sales are read from the exchange's own books, by its clock; the time of sending is read from the log. What never
happened counts as infinite.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import psycopg
from shared.burst import burst
from shared.day import (
    HEARD_SECONDS,
    MARKETS,
    MOVED,
    PASSED,
    Day,
    at,
    no_stops,
    told,
    untold,
    weight_85,
    weight_85_and_a_buy,
    weight_100,
)
from shared.figures import keep
from shared.paper import ENDLESS, PaperExchange, bare
from shared.running import running

TARGETS = {"without_a_stop": 0.02, "changing": 0.1, "moved": 1.0, "sold": 1.0, "sent": 2.5}
"""Seconds. A call that cancels and places is one moment for the exchange, some milliseconds on a busy machine."""
SENT = """
    SELECT min(extract(epoch FROM sent.recorded_at))::float8
    FROM log.event_log AS sent JOIN log.event_log AS placed
        ON placed.stream = sent.stream AND placed.topic = 'Order.Placed'
    WHERE sent.topic = 'Order.Submitted' AND placed.state -> 'wish' ->> 'symbol' = %s
        AND placed.state -> 'wish' ->> 'type' = 'market' AND placed.state -> 'wish' ->> 'side' = 'sell'
        AND extract(epoch FROM sent.recorded_at) > %s
"""
Found = dict[str, dict[str, float]]
"""The result of one round, by position and figure."""


# --- scenes: each call is one round ------------------------------------------------------------------------------


def move(day: Day, limit: Callable[[Day], float]) -> Found:
    """Move the stops of both positions."""
    day.buy(rests=True)
    end = limit(day)
    asked = {p: day.alert(MARKETS[p][0], "MAJ", PrixSL=f"{at(p, MOVED)}") for p in day.positions}
    time.sleep(max(end - time.time(), 0))
    found = Found()
    for position in MARKETS:
        day.await_stop(position, MOVED)
        stops = day.stops(position)
        rests = max((s.since for s in stops if s.price == at(position, MOVED) and s.until == ENDLESS), default=ENDLESS)
        off = {"without_a_stop": bare(stops, asked[position], end), "changing": bare(stops, end, rests)}
        found[position] = off | {"moved": rests - end}
    return found


def leave(day: Day, limit: Callable[[Day], float]) -> Found:
    """Sell both positions."""
    day.buy(rests=True)
    end = limit(day)
    asked = {p: day.alert(MARKETS[p][0], "SellMarket") for p in day.positions}
    time.sleep(max(end - time.time(), 0))
    found = Found()
    for position in MARKETS:
        sale = day.await_trade(position, "sell", asked[position])
        sold = ENDLESS if sale is None else sale.at
        until = min(sold, time.time())
        found[position] = {"without_a_stop": bare(day.stops(position), asked[position], until), "sold": sold - end}
    return found


def fall(day: Day) -> Found:
    """Let the market fall through both stops, which do not rest."""
    no_stops(day)
    day.buy(rests=False)
    time.sleep(HEARD_SECONDS)
    passed = {position: day.price(position, PASSED) for position in MARKETS}
    found = Found()
    for position, (symbol, _) in MARKETS.items():
        day.await_trade(position, "sell", passed[position])
        with psycopg.connect(day.platform.owner) as connection:
            [(sent,)] = connection.execute(SENT, (symbol, passed[position])).fetchall()
        found[position] = {"sent": ENDLESS if sent is None else sent - passed[position]}
    return found


SCENES: dict[str, Callable[[Day], Found]] = {
    "move, -1015 untold": lambda day: move(day, untold),
    "move, -1015 told": lambda day: move(day, told),
    "exit, -1015 untold": lambda day: leave(day, untold),
    "exit, -1015 told": lambda day: leave(day, told),
    "exit, weight at 85 %": lambda day: leave(day, weight_85),
    "exit, weight at 85 %, a buy waits": lambda day: leave(day, weight_85_and_a_buy),
    "exit, weight at 100 %": lambda day: leave(day, weight_100),
    "passed": fall,
}


def play(day: Day, name: str, rounds: int) -> dict[str, object]:
    """Repeat a scene and print its worst and its median."""
    found = list[Found]()
    for _ in range(rounds):
        found.append(SCENES[name](day))
        day.clear()
        day.positions.reverse()
    kept: dict[str, object] = {}
    for position in MARKETS:
        figures = {figure: [one[position][figure] for one in found] for figure in found[0][position]}
        met = all(max(values) <= TARGETS[figure] for figure, values in figures.items())
        each = "; ".join(
            f"{figure} {max(values):.3f}/{statistics.median(values):.3f} ({TARGETS[figure]})"
            for figure, values in figures.items()
        )
        print(f"{name}, {position}, {rounds} rounds: worst/median in s (target of the worst): {each}; {_word(met)}")
        kept[position] = figures | {"met": met}
    return kept


def _word(met: bool) -> str:
    return "met" if met else "missed"


def _burst(alerts: int, *, protected: bool) -> dict[str, object]:
    with running() as platform:
        seen = burst(platform, alerts, protected=protected)
    kind = "with a list" if protected else "without protection"
    room = f"{seen.per_window} per window" if protected else "no bound, for a fill gives back what it took"
    print(
        f"burst, {seen.alerts} buys {kind}: {seen.sent} sent (at least {seen.expected}: {room}; seen {seen.windows}); "
        f"{seen.doubled} doubled, {seen.stale} stale, {seen.told} told, {seen.lost} lost (0); {seen.refusals} refusals "
        f"of a limit (0); without a stop {seen.bare_worst:.3f}/{seen.bare_p50:.3f} s (worst 1.0), {seen.late} late "
        f"(0); {_word(seen.met)}"
    )
    return seen.kept()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=200, help="how many in the burst, 0 for none")
    parser.add_argument("--rounds", type=int, default=5, help="of every other scene")
    parser.add_argument("--only", choices=SCENES, nargs="*", default=[*SCENES], help="which of the other scenes")
    given = parser.parse_args()
    bursts = {kind: _burst(given.alerts, protected=kind == "list") for kind in ("bare", "list") if given.alerts}
    with running() as platform:
        day = Day(platform, PaperExchange(platform))
        scenes = {name: play(day, name, given.rounds) for name in SCENES if name in given.only}
    keep("bad_day", burst=bursts, scenes=scenes, targets=TARGETS)


if __name__ == "__main__":
    main()
