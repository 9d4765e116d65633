"""`aristobot` with a terminal that dies at one exact step: `python -m tests.faults.stepping run`.

`step.json` in ARISTOBOT_HOME names the step, and is read at each one. The process that renames the file has taken it:
it kills itself as `kill -9` would, and the process started in its place finds no such file.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from itertools import product
from json import JSONDecodeError, dumps, loads
from pathlib import Path
from socket import socket
from typing import Any

from adapters.exchanges.binance.client import Binance
from adapters.exchanges.bitget.client import Bitget
from adapters.log.recorder import Recorder
from application.lane import lane, sending
from application.orders import lookups
from aristobot import __main__ as command_line
from aristobot.__main__ import main
from aristobot.supervision import child, forks
from aristobot.supervision.fork_server import serve
from projections.books.projector import Books

BEFORE, AFTER = "before", "after"
CALLS = ("place", "place_list", "cancel", "cancel_list", "replace", "amend")
STEP, TAKEN = "step.json", "step.taken"
PROOF_SECONDS = "STEPPING_PROOF_SECONDS"


class Steps:
    """The steps of one terminal, before and after each action. One of them may be its last."""

    def __init__(self, terminal: str, home: Path) -> None:
        self._terminal = terminal
        self._asked, self._taken = home / STEP, home / TAKEN

    def come_to(self, when: str, names: Sequence[str]) -> None:
        """Die here if this is the step asked for; otherwise count down if it is an earlier one of its kind."""
        try:
            step = loads(self._asked.read_text())
        except (FileNotFoundError, JSONDecodeError):
            return
        if (step["terminal"], step["when"]) != (self._terminal, when) or step["what"] not in names:
            return
        if step["nth"] > 1:
            write(self._asked, {**step, "nth": step["nth"] - 1})
            return
        try:
            self._asked.rename(self._taken)
        except FileNotFoundError:
            return  # another thread was faster, and this one has only a moment to live
        os.kill(os.getpid(), signal.SIGKILL)


def write(file: Path, step: dict[str, Any]) -> None:
    """Write the step to a file so that no reader ever finds half of it."""
    part = file.with_suffix(".part")
    part.write_text(dumps(step))
    part.rename(file)


def step_through(steps: Steps) -> None:
    """Put the steps around appends to the log, changes at the exchange and commits of the books."""
    Recorder.insert_events = _appending(steps, Recorder.insert_events)
    for client, name in product((Binance, Bitget), CALLS):
        setattr(client, name, _asking(steps, name, getattr(client, name)))
    Books._take, Books.step = _projecting(steps, Books._take, Books.step)


def _appending(steps: Steps, append: Callable[..., Any]) -> Callable[..., Any]:
    def insert_events(self: Recorder, stored_events: Sequence[Any], **options: Any) -> Any:
        topics = [event.topic for event in stored_events]
        steps.come_to(BEFORE, topics)
        positions = append(self, stored_events, **options)
        steps.come_to(AFTER, topics)
        return positions

    return insert_events


def _asking(steps: Steps, name: str, ask: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def call(self: Any, *arguments: Any, **named: Any) -> Any:
        steps.come_to(BEFORE, [name])
        answer = await ask(self, *arguments, **named)
        steps.come_to(AFTER, [name])
        return answer

    return call


def _projecting(steps: Steps, take: Callable[..., Any], commit: Callable[..., Any]) -> tuple[Any, Any]:
    """Put the steps around a commit of the books.

    Before: the rows are written and not committed. After: they are committed, and not announced.
    """
    topics: list[str] = []

    def taken(self: Books, part: Sequence[Any], **options: Any) -> Any:
        changed = take(self, part, **options)
        topics.extend(recorded.topic for recorded in part)
        steps.come_to(BEFORE, topics)
        return changed

    def step(self: Books, *arguments: Any, **options: Any) -> Any:
        topics.clear()
        answer = commit(self, *arguments, **options)
        steps.come_to(AFTER, topics)
        return answer

    return taken, step


def supervise(program: str) -> None:
    """Start the fork server through another program, and restart children without a pause that grows."""
    start = forks.process.start

    def started(arguments: Sequence[Any], **options: Any) -> Any:
        return start([program if word == "aristobot" else word for word in arguments], **options)

    forks.process.start = started
    child.LONGEST_PAUSE = 0.2


def serve_steps(connection: socket, enter: Callable[[list[str]], int]) -> int:
    """Make children that go by steps."""

    def go(arguments: list[str]) -> int:
        if arguments[0] == "terminal":
            step_through(Steps(arguments[1], Path(os.environ["ARISTOBOT_HOME"])))
        return enter(arguments)

    return serve(connection, go)


if __name__ == "__main__":
    if sys.argv[1] == "fork-server":
        lane.LONGEST_PAUSE = 1.0  # so that a stream that is cut again and again is back for the next fault
        if PROOF_SECONDS in os.environ:
            lookups.PROOF_AFTER = sending.PROOF_AFTER = timedelta(seconds=float(os.environ[PROOF_SECONDS]))
        command_line.serve = serve_steps
    else:
        supervise(__spec__.name)
    sys.exit(main())
