"""Platforms under faults, and a table of the damage of each fault."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, ClassVar

import pytest

from tests.faults.books import Differences
from tests.faults.market import Market, until_true
from tests.faults.servers import Servers
from tests.faults.stepping import PROOF_SECONDS, STEP, TAKEN, write
from tests.story.conftest import Platform
from tests.story.conftest import new_platform as new_platform  # the fixture  # noqa: PLC0414

ROW = "fault"
PRICES = {"BTC": "64000", "ETH": "2800", "BNB": "580", "SOL": "150", "XRP": "0.6", "USDC": "1"}
HEADS = ("step", "fault", "lost", "doubled", "time to truth")


class Stepped(Platform):
    """A platform whose terminals can be killed at one exact step."""

    program = "tests.faults.stepping"

    def kill_at(self, terminal: str, what: str, when: str, nth: int = 1) -> None:
        """Let this terminal die the next time, or the nth time, that it comes to this step."""
        (self.home / TAKEN).unlink(missing_ok=True)
        write(self.home / STEP, {"terminal": terminal, "what": what, "when": when, "nth": nth})

    def killed_at(self) -> float | None:
        """Return when the terminal died (Unix time), or None while it lives."""
        try:
            return (self.home / TAKEN).stat().st_ctime
        except FileNotFoundError:
            return None


class Hasty(Stepped):
    """A platform that takes an order as proven never to have arrived after ten seconds, instead of a minute.

    The paper exchange carries out nothing that has been under way for more than five seconds.
    """

    own_environment: ClassVar[dict[str, str]] = {PROOF_SECONDS: "10"}


class Patient(Stepped):
    """A platform that takes two minutes for that proof.

    All deaths of a row fit in between, also on a busy machine: what a proof sends again would meet the next one.
    """

    own_environment: ClassVar[dict[str, str]] = {PROOF_SECONDS: "120"}


@pytest.fixture(scope="session")
def house(new_platform: Callable[..., Any]) -> Iterator[Stepped]:
    """Yield the platform that is hurt in every way; it ends cleanly all the same.

    A gateway that starts thirty times a minute uses up the minute's request weight, and entries then rightly wait for
    the next minute. Here the exchange counts no weight.
    """
    running = new_platform(kind=Hasty)
    assert running.paper.put("/paper/counts", json={"exchange": "binance", "weight": 0}).status_code == HTTPStatus.OK
    yield running
    running.stop()


@pytest.fixture(scope="session")
def markets(house: Stepped) -> dict[str, Market]:
    """Return the platform's markets by their base."""
    return {base: Market(house, base, price) for base, price in PRICES.items()}


@pytest.fixture(scope="session")
def servers(house: Stepped, markets: dict[str, Market]) -> Servers:
    """Return the servers below the platform."""
    return Servers(house, markets)


@pytest.fixture
def tell(record_property: Callable[[str, Any], None]) -> Callable[..., None]:
    """Return `tell(step, fault, differences, seconds)`, which adds a row to the table and fails for any difference."""

    def row(step: str, fault: str, found: Differences, seconds: float) -> None:
        record_property(ROW, [step, fault, len(found.lost), len(found.doubled), round(seconds, 1)])
        assert not found, f"{found}"

    return row


@pytest.fixture
def settled(tell: Callable[..., None]) -> Callable[..., None]:
    """Return `settled(house, markets, step, fault, since)`, which waits until books and exchange agree.

    It adds a row to the table with the seconds since the fault.
    """

    def wait(house: Any, markets: list[Market], step: str, fault: str, since: float, seconds: float = 60) -> None:
        found = until_true(house, markets, since + seconds)
        tell(step, fault, found, time.time() - since)

    return wait


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table, whatever process its rows come from."""
    reports = [report for word in ("passed", "failed") for report in terminalreporter.getreports(word)]
    rows = [row for report in reports for name, row in getattr(report, "user_properties", ()) if name == ROW]
    if not rows:
        return
    table = [HEADS, *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEADS))]
    terminalreporter.section("faults")
    for row in table:
        words = [word.ljust(width) for word, width in zip(row[:2], widths[:2], strict=True)]
        numbers = [word.rjust(width) for word, width in zip(row[2:], widths[2:], strict=True)]
        terminalreporter.write_line("  ".join(words + numbers))
    terminalreporter.write_line(f"{len(rows)} faults, lost {_sum(rows, 2)}, doubled {_sum(rows, 3)}")


def _sum(rows: list[list[Any]], column: int) -> int:
    return sum(row[column] for row in rows)
