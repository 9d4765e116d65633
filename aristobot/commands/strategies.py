"""`aristobot strategy`: checks the code of a strategy as the console does."""

from __future__ import annotations

import json
import subprocess
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from adapters.candles.files import minutes_of
from adapters.sandbox.sandbox import CPU_SECONDS, START_SECONDS, Worker, one_worker, start_zygote
from application.strategies.check import Checked
from application.strategies.check import check as check_code
from application.strategies.history import Needs
from domain.candles.columns import Columns, columns_of

Say = Callable[[str], None]
TIMEFRAME = "1m"
SHOWN_LINES = 20
WORDS = {
    "syntax": "this is no Python: {}",
    "too_long": "the code has {} characters, which is more than a strategy may have",
    "import": "{} cannot be imported in the sandbox",
    "name": "{} is of no use in the sandbox",
    "clock": "{}() differs between live trading and the past: take the times of the candles",
    "random": "chance differs between live trading and the past",
    "state": "{} would be lost from one call to the next: each call begins anew; constants are written in capitals",
    "no_class": "there is no class that derives from Strategy",
    "many_classes": "{} is a second class that derives from Strategy: there is exactly one",
    "no_method": "{} is missing",
}


def add_arguments(command: ArgumentParser) -> None:
    """Give each command of `strategy` a help and arguments of its own."""
    commands = command.add_subparsers(dest="what", required=True, metavar="command")
    checked = commands.add_parser("check", help="check the code of a strategy, and ask it at the last hundred bars")
    checked.add_argument("file", type=Path)
    checked.add_argument("--candles", type=Path, help="a file of minutes; otherwise those of the platform's clock")
    checked.add_argument("--json", action="store_true", help="answer for a machine")


def check(arguments: Namespace, stored: Callable[[], Columns], say: Say) -> int:
    """Check a file and say what is wrong with it. Return 0 when it may be used.

    `stored` returns the candles of the platform. Raises `OSError` for a file that cannot be read, `NoCandles`.
    """
    candles = stored if arguments.candles is None else lambda: columns_of(minutes_of(arguments.candles))
    found = check_code(own_worker, arguments.file.read_text(), candles, TIMEFRAME)
    if arguments.json:
        say(json.dumps(asdict(found)))
    else:
        _tell(arguments.file, found, say)
    return 1 if found.first_fault is not None or not found.run.asked else 0


def _tell(file: Path, found: Checked, say: Say) -> None:
    problems, run = found.problems, found.run
    for problem in problems:
        say(f"{file}:{problem.line}: {WORDS[problem.code].format(problem.about)}")
    if run.fault is not None:
        place = "" if run.fault.line is None else f":{run.fault.line}"
        say(f"{run.fault.traceback}{file}{place}: {run.fault.about}")
    elif not problems and not run.asked:
        say(f"there are no candles to ask {file} at: name a file with --candles")
    elif not problems:
        signals = f"it would buy at {run.longs} and sell at {run.shorts}"
        say(f"{file} is valid: asked at {run.asked} bars, {signals}")
    if found.needs is not None:
        _tell_needs(file, found.needs, say)
    for line in run.log[:SHOWN_LINES]:
        say(f"  {line}")


def _tell_needs(file: Path, needs: Needs, say: Say) -> None:
    if needs.lines:
        names = ", ".join(needs.lines)
        say(f"{file}: {names} depends on how many candles there are: calculate it over a rolling window")
    elif needs.enough is None:
        say(f"{file}: it decides otherwise with {needs.tried[-1]} candles of history than with more")
    else:
        say(f"{file}: {needs.enough} candles of history are enough")


@contextmanager
def own_worker() -> Iterator[Worker]:
    """Lend a worker of a sandbox that runs for as long as this lasts. Raises `SandboxError`."""
    with tempfile.TemporaryDirectory(prefix="sandbox-") as folder:
        address = Path(folder) / "socket"
        process = start_zygote(address, subprocess.DEVNULL)
        try:
            with one_worker(address, START_SECONDS, CPU_SECONDS) as worker:
                yield worker
        finally:
            process.kill()
            process.wait()
