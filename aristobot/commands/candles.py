"""`aristobot candles`: lists what is stored of each series, verifies it, and imports files."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from adapters.candle_files import minutes_of
from adapters.tables.candles import CandleTable
from application.market.beat import Series
from aristobot.commands.arguments import pair
from domain.people.broker import Exchange, Venue

Say = Callable[[str], None]
MOST_GAPS = 20


def add_arguments(command: ArgumentParser) -> None:
    """Give each command of `candles` a help and arguments of its own."""
    commands = command.add_subparsers(dest="what", required=True, metavar="command")
    commands.add_parser("list", help="what is stored of each series")
    commands.add_parser("verify", help="name every gap and every candle that contradicts itself")
    brought = commands.add_parser("import", help="a CSV with open_time, open, high, low, close, volume (UTC), also .gz")
    brought.add_argument("file")
    brought.add_argument("--exchange", choices=[*Exchange], default="binance")
    brought.add_argument("--venue", choices=[*Venue], default="paper")
    brought.add_argument("--symbol", required=True, type=pair, help="a pair such as BTC/USDT")
    brought.add_argument("--timeframe", choices=["1m"], default="1m", help="larger bars are made of minutes")


def carry_out(arguments: Namespace, table: CandleTable, say: Say) -> int:
    """Carry out one command of `candles` and return its exit code. Raises as `import_file`."""
    if arguments.what == "list":
        list_series(table, say)
    elif arguments.what == "verify":
        return 0 if verify(table, say) else 1
    else:
        series = Series(arguments.exchange, arguments.venue, arguments.symbol)
        import_file(table, Path(arguments.file), series, say)
    return 0


def list_series(table: CandleTable, say: Say) -> None:
    """Say one line per series: how many minutes it has, from when until when, and how many are missing between."""
    for held in table.held():
        missing = held.minutes - held.count
        say(f"{held.series}: {held.count} minutes, {_shown(held.first)} to {_shown(held.last)}, {missing} missing")


def verify(table: CandleTable, say: Say) -> bool:
    """Say every gap and every candle that no market can have. Return True when there are none."""
    fine = True
    for held in table.held():
        gaps, wrong = table.gaps(held.series), table.wrong(held.series)
        for first, last in gaps[:MOST_GAPS]:
            say(f"{held.series}: no candles from {_shown(first)} to {_shown(last)}")
        if len(gaps) > MOST_GAPS:
            say(f"{held.series}: and {len(gaps) - MOST_GAPS} more gaps")
        for at in wrong[:MOST_GAPS]:
            say(f"{held.series}: the candle of {_shown(at)} contradicts itself")
        if not gaps and not wrong:
            say(f"{held.series}: {held.count} minutes without a gap")
        fine = fine and not gaps and not wrong
    return fine


def import_file(table: CandleTable, file: Path, series: Series, say: Say) -> None:
    """Import a file of candles into a series: all of it or nothing. Raises `NoCandles` for a file that is no good."""
    bars = minutes_of(file)
    new, changed = table.import_minutes(series, bars)
    say(f"{series}: {new} new, {changed} changed, {len(bars) - new - changed} known already")


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
