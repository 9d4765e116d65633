"""`aristobot webhook send` and `replay`: alerts as TradingView sends them, and such as it should not."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aristobot.commands.demo import RUN
from aristobot.settings import SettingError, Settings
from domain.webhooks.interval import Interval
from domain.webhooks.webhook_message import Action
from web.knocking import knock

PATIENCE_SECONDS = 10.0
AFTER_SLOT = timedelta(seconds=1)
"""The delay after a bar's end with which an alert is sent, as TradingView's come."""
OK, WRONG_TOKEN, TOO_LARGE = 200, 401, 413
BROKEN: dict[str, tuple[Callable[[str], str], int]] = {
    "not_json": (lambda body: f"this is no alert: {body[:20]}", OK),
    "empty": (lambda _: "", OK),
    "placeholder": (lambda body: body.replace('"Action":"', '"Action":"{{strategy.order.action}}', 1), OK),
    "misspelt": (lambda body: body.replace('"PourCent"', '"PourCents"', 1), OK),
    "foreign_user": (lambda body: body.replace('"UserID":', '"UserID":9', 1), OK),
    "wrong_token": (lambda body: body, WRONG_TOKEN),
    "too_large": (lambda body: body + " " * 70_000, TOO_LARGE),
}
"""Ways in which an alert can be broken, each with the status that the door answers."""


@dataclass(frozen=True)
class Sender:
    """An address of the door, with the numbers of the user and the broker that alerts are for."""

    url: str
    user: int
    broker: int

    @classmethod
    def of(cls, arguments: argparse.Namespace, settings: Settings) -> Sender:
        """Return the sender that the arguments name, or else the one of the platform that runs on this HOME.

        Raises `SettingError` when neither tells an address.
        """
        file = settings.home / RUN
        told: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        url = arguments.url or told.get("webhook_url")
        if not url:
            raise SettingError(f"give --url, as there is no {file}")
        user = arguments.user or told.get("user_number") or 1
        return cls(url, int(user), int(arguments.broker or told.get("broker") or 1))

    def post(self, body: str, broken: str | None = None) -> tuple[int, float]:
        """Send a body, and return the door's status and the milliseconds that it took.

        Raises `SettingError` when the door is not reached.
        """
        url = f"{self.url.partition('?')[0]}?token=wrong" if broken == "wrong_token" else self.url
        try:
            return knock(url, body.encode(), PATIENCE_SECONDS)
        except OSError as error:
            raise SettingError(f"the door was not reached at {self.url.partition('?')[0]}: {error}") from None

    def alert(self, action: str, **fields: Any) -> str:
        """Return the body of an alert. Fields that are None are left out."""
        said = {"Action": action, **fields, "UserID": self.user, "UserExchangeID": self.broker}
        return json.dumps({name: value for name, value in said.items() if value is not None}, separators=(",", ":"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give `webhook` its commands and their arguments."""
    commands = parser.add_subparsers(dest="what", required=True, metavar="command")
    made = {
        name: commands.add_parser(name, help=says, description=says)
        for name, says in (
            ("send", "send alerts of one stream, also broken ones, at a pace and with some left out"),
            ("replay", "send the alerts of a file, one per line, as they stand there"),
            ("check", "prove the way of an alert through all services, the detection of missing ones, and a restart"),
        )
    }
    for name, added in made.items():
        added.set_defaults(of=added)
        added.add_argument("--url", help="the webhook address with its token; otherwise that of the demo user")
        added.add_argument("--user", type=int, help="UserID")
        added.add_argument("--broker", type=int, help="UserExchangeID")
        if name != "check":
            added.add_argument("--every", type=float, help="seconds between two alerts; with --interval, one per bar")
            added.add_argument("--skip", type=_numbers, default=frozenset(), help="alerts to leave out, such as 3,4,5")
    _add_send(made["send"])
    made["replay"].add_argument("file", type=Path, help="a JSON object per line; - reads standard input")
    made["replay"].add_argument("--fresh", action="store_true", help="give each the time of its sending as BarTime")
    made["check"].add_argument("--quick", action="store_true", help="without the missing alerts, which take 5 minutes")
    made["check"].add_argument("--json", action="store_true", help="answer for a machine, one line per step")


def _add_send(send: argparse.ArgumentParser) -> None:
    send.add_argument("--symbol", default="BTCUSDT")
    send.add_argument("--action", default="PING", choices=[*Action])
    send.add_argument("--percent", type=float, help="PourCent")
    send.add_argument("--price", type=float, help="Prix")
    send.add_argument("--stop", type=float, help="PrixSL")
    send.add_argument("--target", type=float, help="PrixTP")
    send.add_argument("--interval", help="TradingView's notation: 5, 60, 1D. Without one, no stream begins")
    send.add_argument("--indicator", default="aristobot webhook send", help="IndicateurName")
    send.add_argument("--times", type=int, default=1, help="how many alerts, those left out included")
    send.add_argument("--broken", choices=[*BROKEN], help="break each of them in this way")


def _numbers(text: str) -> frozenset[int]:
    return frozenset(int(number) for number in text.split(","))


def send(arguments: argparse.Namespace, sender: Sender, say: Callable[[str], None]) -> int:
    """Send the alerts of one stream. Return 0 when the door answered each as it should, else 1."""
    calendar = Interval.parse(arguments.interval)
    if arguments.interval and calendar is None and arguments.every is None:
        raise SettingError(f"{arguments.interval} names no period: give --every as well")
    fields = {
        "Symbol": arguments.symbol, "Interval": arguments.interval, "IndicateurName": arguments.indicator,
        "Prix": arguments.price, "PrixSL": arguments.stop, "PrixTP": arguments.target, "PourCent": arguments.percent,
    }  # fmt: skip
    breaks, expected = BROKEN[arguments.broken] if arguments.broken else (lambda body: body, OK)

    def bodies() -> Iterator[str]:
        for number in range(1, arguments.times + 1):
            _wait(number, calendar, arguments.every)
            yield breaks(sender.alert(arguments.action, **fields, BarTime=_bar_time(calendar)))

    return _sent(bodies(), arguments.skip, sender, say, arguments.broken, expected)


def replay(arguments: argparse.Namespace, sender: Sender, say: Callable[[str], None]) -> int:
    """Send the alerts of a file. Return 0 when the door took each of them, else 1."""
    lines = Path("/dev/stdin" if str(arguments.file) == "-" else arguments.file).read_text().splitlines()

    def bodies() -> Iterator[str]:
        for number, line in enumerate(filter(None, map(str.strip, lines)), 1):
            _wait(number, None, arguments.every)
            yield _freshened(line) if arguments.fresh else line

    return _sent(bodies(), arguments.skip, sender, say, None, OK)


def _sent(
    bodies: Iterator[str],
    skipped: frozenset[int],
    sender: Sender,
    say: Callable[[str], None],
    broken: str | None,
    expected: int,
) -> int:
    wrong = 0
    for number, body in enumerate(bodies, 1):
        if number in skipped:
            say(f"{number} left out")
            continue
        status, took = sender.post(body, broken)
        wrong += status != expected
        say(f"{number} {status} in {took:.1f} ms")
    return 1 if wrong else 0


def _wait(number: int, calendar: Interval | None, every: float | None) -> None:
    """Wait until an alert is to be sent: the first one at once."""
    if number == 1:
        return
    now = datetime.now(UTC)
    following = None if calendar is None else calendar.next_due(now) + AFTER_SLOT
    time.sleep(every if every is not None else 1.0 if following is None else (following - now).total_seconds())


def _bar_time(calendar: Interval | None) -> str:
    """Return the opening of the bar that has just ended; the present without an interval."""
    now = datetime.now(UTC)
    if calendar is None:
        return now.isoformat()
    return calendar.last_due(calendar.last_due(now) - timedelta(microseconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _freshened(line: str) -> str:
    """Return an alert with the present as its BarTime; one that is no JSON object stays as it is."""
    try:
        said = json.loads(line)
    except ValueError:
        return line
    return json.dumps({**said, "BarTime": datetime.now(UTC).isoformat()}) if isinstance(said, dict) else line
