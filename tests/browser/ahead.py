"""`aristobot` whose clocks a test moves: `python -m tests.browser.ahead run`.

The file `ahead` in HOME holds the seconds by which the market's clock, the door and the console are ahead of the real
time. All three move together, as the time of day does; the door was there all the while.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from aristobot.__main__ import main
from aristobot.terminals.engine import clock
from aristobot.terminals.receiver import life
from aristobot.terminals.receiver import terminal as receiver
from tests.faults.stepping import supervise
from web import door
from web.console import streams

AHEAD = "ahead"


def ahead() -> timedelta:
    """Return by how much the clocks are ahead."""
    file = Path(os.environ["ARISTOBOT_HOME"]) / AHEAD
    return timedelta(seconds=float(file.read_text())) if file.exists() else timedelta(0)


def now() -> datetime:
    """Return the moved time in UTC."""
    return datetime.now(UTC) + ahead()


class Moved(datetime):
    """A datetime whose present is moved."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """Return the moved time."""
        return datetime.now(tz) + ahead()


if __name__ == "__main__":
    if sys.argv[1] == "run":
        supervise(__spec__.name)
    told = clock.MarketTime.now
    clock.MarketTime.now = lambda self: told(self) + ahead()  # type: ignore[method-assign]
    door.datetime = Moved  # type: ignore[misc]
    receiver.utc_now = streams.utc_now = now
    life.SILENT_AFTER = timedelta(days=1)
    sys.exit(main())
