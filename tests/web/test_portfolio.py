"""The portfolio: what is held, what it is worth, and what is not known about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.log.eventstore import open_pool
from adapters.tables.equity import EquityTable

Problem = Callable[..., None]
PRICES = {"BTC/USDT": ("64000", 1.0), "ETH/USDT": ("3200", 90.0)}
BALANCES = {"USDT": ("1000.5", "0"), "BTC": ("0.25", "0.5"), "ADA": ("0", "0")}


@pytest.fixture
def told(console: Any) -> Callable[..., None]:
    """Return a function that lets the gateway tell balances of broker 1, and prices."""

    def tell(balances: dict[str, tuple[str, str]] | None = BALANCES, age: float = 2.0) -> None:
        known = None if balances is None else (balances, age)
        console.change("platform", rates=lambda *_: PRICES, balances=lambda number: known if number == 1 else None)

    return tell


def test_holdings_are_valued_at_the_last_prices(alice: Any, told: Callable[..., None]) -> None:
    """Currencies of which nothing is held are left out."""
    told()
    seen = alice.get("/api/portfolio").json()
    assert (seen["currency"], seen["worth"], seen["missing"]) == ("USDT", "49000.50", [])
    (account,) = seen["accounts"]
    assert (account["broker_id"], account["age"], account["worth"]) == (1, 2.0, "49000.50")
    assert [(one["currency"], one["free"], one["locked"], one["worth"]) for one in account["holdings"]] == [
        ("BTC", "0.25", "0.5", "48000.00"),
        ("USDT", "1000.5", "0", "1000.5"),
    ]


def test_a_missing_price_is_named_and_spoils_no_other(alice: Any, told: Callable[..., None]) -> None:
    """A price that is older than a minute is none."""
    told({"USDT": ("10", "0"), "ETH": ("1", "0"), "XYZ": ("3", "0")})
    seen = alice.get("/api/portfolio").json()
    assert (seen["worth"], seen["missing"]) == ("10", ["ETH", "XYZ"])
    assert [one["worth"] for one in seen["accounts"][0]["holdings"]] == [None, "10", None]
    assert (seen["accounts"][0]["today"], seen["accounts"][0]["drawdown"]) == (None, None)


def test_an_account_that_is_not_known_leaves_the_total_unknown(alice: Any, told: Callable[..., None]) -> None:
    told(None)
    seen = alice.get("/api/portfolio").json()
    assert seen["worth"] is None
    assert (seen["accounts"][0]["age"], seen["accounts"][0]["worth"]) == (None, None)


def test_a_day_and_its_peak_are_those_of_the_record(console: Any, alice: Any, told: Callable[..., None]) -> None:
    """The day begins with the last worth before 00:00 UTC; other users' accounts are not in the curve."""
    told()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with open_pool(console.database.url_for("aristobot_writer"), 1) as pool:
        table = EquityTable(pool)
        for hours, worth in ((-30, "90000"), (-1, "40000"), (0, "45000")):
            table.record(1, 1, midnight + timedelta(hours=hours), "USDT", Decimal(worth))
        table.record(2, 2, midnight, "USDT", Decimal(7))
        table.record(99, 1, midnight, "USDT", Decimal(8))  # its keys are gone
    account = alice.get("/api/portfolio").json()["accounts"][0]
    assert (account["today"], account["peak"], account["drawdown"]) == ("9000.50", "90000", 0.455550)
    curve = alice.get("/api/portfolio/curve").json()["items"]
    assert [(point["broker_id"], point["worth"]) for point in curve] == [(1, "90000"), (1, "40000"), (1, "45000")]
    assert alice.get("/api/portfolio", params={"currency": "BTC"}).json()["accounts"][0]["peak"] is None


def test_the_currency_is_that_of_the_layout(alice: Any, told: Callable[..., None], problem: Problem) -> None:
    told()
    alice.patch("/api/account/layout", json={"currency": "BTC"})
    assert Decimal(alice.get("/api/portfolio").json()["worth"]).quantize(Decimal("1e-6")) == Decimal("0.765633")
    problem(alice.get("/api/portfolio", params={"currency": "DOGE"}), 422, "invalid")


def test_what_is_old_is_dropped_from_the_record(console: Any) -> None:
    now = datetime.now(UTC)
    with open_pool(console.database.url_for("aristobot_writer"), 1) as pool:
        table = EquityTable(pool)
        table.record(1, 1, now - timedelta(days=401), "USDT", Decimal(1))
        table.record(1, 1, now, "USDT", Decimal(2))
    rows = console.database.connect().execute("SELECT worth FROM service.equity").fetchall()
    assert rows == [(Decimal(2),)]
