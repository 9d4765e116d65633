"""The days of March 2023 in which a bank failed, minute by minute: protection under real prices."""

from __future__ import annotations

import gzip
import itertools
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
CANDLES = REPOSITORY.parent / "shared" / "data" / "BTCUSDT_1m_2023-03-01_2023-03-21.csv.gz"
DAYS = ("2023-03-10", "2023-03-11", "2023-03-12", "2023-03-13")
SPEED, STEPS = "6000", 40
SIGNS = {"sell": 1, "buy": -1}


@pytest.fixture
def market(new_platform: Any, tmp_path: Path) -> Any:
    """Yield a platform whose BTC price follows the four days within a minute."""
    if not CANDLES.exists():
        pytest.skip(f"the real minutes are not there: {CANDLES.name}")
    with gzip.open(CANDLES, "rt") as lines:
        header = next(lines)
        days = list(itertools.takewhile(lambda line: line[:10] <= DAYS[-1], (ln for ln in lines if ln[:10] >= DAYS[0])))
    file = tmp_path / "days.csv"
    file.write_text(header + "".join(days))
    assert sum(line.rstrip().endswith(",0.0") for line in days) > 0, "minutes without a trade belong to it"
    platform = new_platform("--replay", str(file), "--speed", SPEED)
    yield platform
    platform.stop()


def position_of(platform: Any) -> dict[str, Any] | None:
    """Return the open position in BTC, or None."""
    return next((p for p in platform.ask("/api/positions")["items"] if p["symbol"] == "BTC/USDT"), None)


def is_safe(platform: Any) -> bool:
    """Return True when nothing is held, or when the stop on the exchange covers what the position says is protected."""
    position = position_of(platform)
    if position is None:
        return True
    there = [o for o in platform.on_exchange() if o["status"] == "open" and o["type"] == "stop_loss"]
    covered = sum((Decimal(o["quantity"]) for o in there), Decimal(0))
    return position["protection"] == "resting" and covered == Decimal(position["protected"])


def step(platform: Any, random: Random) -> None:
    """Deliver one alert that makes sense at this price: an entry, a move of the stop, or a sale of half or of all."""
    position = position_of(platform)
    prices = platform.ask("/api/positions")["items"]
    last = Decimal(prices[0]["price"] or prices[0]["average_entry"]) if prices else last_of(platform)
    action = "BuyMarket" if position is None else random.choice(("MAJ", "MAJ", "SellMarket", "BuyMarket"))
    if action == "BuyMarket":
        # Each entry has its own stop: the trade that it adds to may end before it is filled.
        stop, target = last * Decimal("0.99"), last * Decimal("1.03")
        fields = {"PrixSL": f"{stop:.2f}", "PrixTP": f"{target:.2f}", "PourCent": "20" if position is None else "10"}
    elif action == "MAJ":
        fields = {"PrixSL": f"{last * Decimal('0.985'):.2f}", "PourCent": "100"}
    else:
        fields = {"PourCent": random.choice(("50", "100"))}
    body, name = platform.alert(action, **fields)
    assert platform.post(body).status_code == 200
    platform.ended(name)


def last_of(platform: Any) -> Decimal:
    """Return the market's last price."""
    url = platform.told["paper_binance"] + "/api/v3/ticker/price"
    return Decimal(platform.paper.get(url, params={"symbol": "BTCUSDT"}).json()["price"])


def test_jumps_and_still_minutes_leave_no_position_unprotected(market: Any) -> None:
    """The position is safe after each step. In the end the books' result is the sum over the exchange's fills."""
    random = Random(20230310)
    for _ in range(STEPS):
        step(market, random)
        market.eventually(lambda: is_safe(market))
    market.eventually(lambda: position_of(market) is None or sold_out(market))
    trades = market.paper.get("/paper/trades").json()
    money = sum((Decimal(t["quantity"]) * Decimal(t["price"]) * SIGNS[t["side"]] for t in trades), Decimal(0))
    money -= sum(Decimal(t["fee"]) for t in trades if t["fee_currency"] == "USDT")
    net = sum((Decimal(gain["net"]) for gain in market.all_of("/api/gains")), Decimal(0))
    query = (
        "SELECT (state ->> 'dust_cost')::numeric FROM log.event_log WHERE topic = 'Position.Closed' ORDER BY position"
    )
    with market.database() as owner:
        dust = [row[0] for row in owner.execute(query)]
    assert len(dust) >= 2
    assert abs(net - (money + dust[-1])) < Decimal("1e-9")


def sold_out(platform: Any) -> bool:
    """Sell everything at the market, whatever a leg does meanwhile, and return True when nothing is held."""
    body, name = platform.alert("SellMarket", PourCent="100")
    platform.post(body)
    platform.ended(name)
    platform.eventually(lambda: is_safe(platform))
    return position_of(platform) is None
