"""`aristobot candles`: lists and verifies what is stored, imports files, and loads history from an exchange."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from psycopg_pool import ConnectionPool

from adapters.bus import Bus
from adapters.candles.coverage import Coverage
from adapters.candles.files import NoCandles, minutes_of
from adapters.candles.loads import LoadTable
from adapters.candles.store import CandleStore
from application.ports.candles import Held, Load
from application.ports.requests import Action, Request
from aristobot.commands.arguments import day, pair
from aristobot.wiring import utc_now
from domain.candles.series import Series
from domain.candles.timeframes import TIMEFRAMES, moment
from domain.people.broker import Exchange, Venue
from domain.refusals import Impossible

Say = Callable[[str], None]
MOST_HOLES = 20
TOLD_EVERY = 0.5


def add_arguments(command: ArgumentParser) -> None:
    """Give each command of `candles` a help and arguments of its own."""
    commands = command.add_subparsers(dest="what", required=True, metavar="command")
    commands.add_parser("list", help="what is stored of each series")
    commands.add_parser("verify", help="name every hole, every lost block and every candle that contradicts itself")
    brought = commands.add_parser(
        "import", help="a CSV with open_time, open, high, low, close, volume (UTC), also .gz, or a Parquet file"
    )
    brought.add_argument("file")
    _add_series(brought)
    brought.add_argument("--timeframe", choices=["1m"], default="1m", help="larger bars are made of minutes")
    loaded = commands.add_parser("load", help="history from an exchange, through the running gateway")
    _add_series(loaded)
    loaded.add_argument("--timeframe", choices=[*TIMEFRAMES], default="1m")
    loaded.add_argument("--from", dest="since", type=day, required=True, help="a day such as 2025-01-01 (UTC)")
    loaded.add_argument("--to", dest="until", type=day, help="a day, which is not loaded itself; now if absent")


def _add_series(command: ArgumentParser) -> None:
    command.add_argument("--exchange", choices=[*Exchange], default="binance")
    command.add_argument("--venue", choices=[*Venue], default="paper")
    command.add_argument("--symbol", required=True, type=pair, help="a pair such as BTC/USDT")


def carry_out(arguments: Namespace, pool: ConnectionPool, bus: Callable[[], Bus], say: Say) -> int:
    """Carry out one command of `candles` and return its exit code. Raises as `import_file` and `load`."""
    fine = True
    if arguments.what == "list":
        list_series(Coverage(pool), say)
    elif arguments.what == "verify":
        fine = verify(Coverage(pool), say)
    elif arguments.what == "import":
        import_file(CandleStore(pool, utc_now), Path(arguments.file), series_in(arguments), say)
    else:
        fine = load(arguments, bus(), LoadTable(pool), say)
    return 0 if fine else 1


def series_in(arguments: Namespace) -> Series:
    """Return the series that arguments name."""
    return Series(arguments.exchange, arguments.venue, arguments.symbol)


def list_series(coverage: Coverage, say: Say) -> None:
    """Say one line per series and timeframe: how many candles it has, from when until when, how many are missing."""
    for held in coverage.held():
        say(
            f"{held.series} {held.timeframe}: {held.count} candles, {_shown(held.first)} to {_shown(held.last)},"
            f" {held.missing} missing"
        )


def verify(coverage: Coverage, say: Say) -> bool:
    """Say every hole and everything that is wrong. Return True when there is none.

    A hole is fine where the exchange has no candles either: it stood still.
    """
    fine = True
    for held in coverage.held():
        fine = _say_holes(held, say) and fine
    for series, wrong in coverage.wrong():
        say(f"{series}: {wrong}")
        fine = False
    return fine


def _say_holes(held: Held, say: Say) -> bool:
    name, ours = f"{held.series} {held.timeframe}", [hole for hole in held.holes if not hole.absent]
    for hole in held.holes[:MOST_HOLES]:
        why = ": the exchange has none" if hole.absent else ""
        say(f"{name}: no candles from {_shown(hole.first)} to {_shown(hole.last)}{why}")
    if len(held.holes) > MOST_HOLES:
        say(f"{name}: and {len(held.holes) - MOST_HOLES} more holes")
    if not ours:
        say(f"{name}: {held.count} candles without a hole of ours")
    return not ours


def import_file(store: CandleStore, file: Path, series: Series, say: Say) -> None:
    """Import a file of candles into a series: all of it or nothing. Raises `NoCandles` for a file that is no good."""
    bars = minutes_of(file)
    if bars[-1].ended_at > utc_now().timestamp() * 1000:
        raise NoCandles(f"{file}: the candle of {_shown(bars[-1].opened_at)} has not ended yet; are the times UTC?")
    taken = store.put(series, "1m", bars, outranks=True)
    say(f"{series}: {taken.new} new, {taken.changed} changed, {len(bars) - taken.new - taken.changed} known already")


def load(arguments: Namespace, bus: Bus, loads: LoadTable, say: Say) -> bool:
    """Load history through the gateway, and say how far it has come until it has ended.

    Interrupted, it is paused; the same command lets it go on. Raises `Impossible` when the gateway refuses, and
    `GatewayAway` when it does not answer.
    """
    until = arguments.until or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    named = vars(series_in(arguments)) | {
        "timeframe": arguments.timeframe, "since": arguments.since.isoformat(), "until": until.isoformat(),
    }  # fmt: skip
    *_, answer = bus.ask(Request(0, Action.CANDLES, named, "command line", time.time()))
    if not answer.success or answer.data is None:
        raise Impossible(answer.error or "the gateway did not take it", code=answer.code)
    number = int(answer.data["load"])
    try:
        return _follow(loads, number, say)
    except KeyboardInterrupt:
        loads.change(number, "paused")
        say(f"load {number} is paused; the same command lets it go on")
        return False


def _follow(loads: LoadTable, number: int, say: Say) -> bool:
    told = ""
    while True:
        one = loads.find(number)
        if (line := _progress(one)) != told:
            say(told := line)
        if one.ended_at is not None or one.state == "paused":
            return one.state == "done"
        time.sleep(TOLD_EVERY)


def _progress(one: Load) -> str:
    share = (one.reached - one.since) / (one.until - one.since)
    why = f" ({one.error})" if one.error else ""
    return (
        f"load {one.id}: {share:.0%}, {one.candles} candles, up to {one.reached:%Y-%m-%d %H:%M} UTC, {one.state}{why}"
    )


def _shown(at: int) -> str:
    return f"{moment(at):%Y-%m-%d %H:%M} UTC"
