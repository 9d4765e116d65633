"""A broker at Bitget, over real processes: connected, bought for by a webhook, protected, moved, sold and compared."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

SYMBOL = "BNB/USDT"


@pytest.fixture(scope="module")
def broker(platform: Any) -> int:
    """Connect an account at the paper Bitget, and return the broker's number."""
    wanted = {"exchange": "bitget", "passphrase": "phrase2026", "balances": {"USDT": "1000"}}
    keys = platform.paper.post("/paper/accounts", json=wanted).json()
    named = {name: keys[name] for name in ("key", "secret", "passphrase")}
    trial = {"exchange": "bitget", "venue": "paper", "keys": named}
    tested = platform.console.post("/api/brokers/test", json=trial)
    assert tested.status_code == 200, tested.text
    made = platform.console.post("/api/brokers", json={**trial, "name": "Bitget paper"})
    assert made.is_success, made.text
    return int(made.json()["number"])


def waiting(platform: Any) -> list[tuple[str, str]]:
    """Return trigger and quantity of the plan orders that wait at the paper Bitget."""
    plans = platform.paper.get("/paper/plans").json()["plans"]
    return [(plan["trigger"], plan["quantity"]) for plan in plans if plan["status"] == "live"]


def alert(platform: Any, broker: int, action: str, **fields: str) -> dict[str, Any]:
    """Post an alert for the broker and return its webhook once it has ended."""
    named = {"Symbol": '"BNBUSDT"', "BaseCurrency": '"BNB"', "UserExchangeID": str(broker), "PourCent": "50"}
    body, name = platform.alert(action, **{**named, **fields})
    assert platform.post(body).status_code == 200
    ended: dict[str, Any] = platform.ended(name)
    return ended


def position(platform: Any, broker: int) -> dict[str, Any] | None:
    """Return the broker's open position. Other brokers of the platform trade the same market."""
    return next((one for one in platform.ask("/api/positions")["items"] if one["broker_id"] == broker), None)


def test_a_trade_at_bitget_from_its_webhook_to_its_end(platform: Any, broker: int) -> None:
    """A comparison with the exchange finds nothing afterwards, and the gain names its broker and its fees."""
    platform.price("500", SYMBOL)
    assert alert(platform, broker, "BuyMarket", PrixSL="450", PrixTP="600")["status"] == "executed"
    held = platform.eventually(
        lambda: (p := position(platform, broker)) is not None and p["protection"] == "resting" and p
    )
    assert waiting(platform) == [("450", held["protected"])]
    assert alert(platform, broker, "MAJ", PrixSL="460")["status"] == "executed"
    assert [trigger for trigger, _ in waiting(platform)] == ["460"]
    assert alert(platform, broker, "SellMarket", PourCent="100")["status"] == "executed"
    platform.eventually(lambda: position(platform, broker) is None and not waiting(platform))
    compared = platform.do(f"/api/brokers/{broker}/reconcile").json()
    assert (compared["completed"], compared["discrepancies"], compared["doubts"]) == (True, [], [])
    [gain] = [one for one in platform.ask("/api/gains")["items"] if one["broker_id"] == broker]
    assert (gain["symbol"], Decimal(gain["gross"]) <= 0, [*gain["fees"]]) == (SYMBOL, True, ["BNB", "USDT"])


@pytest.mark.parametrize("price", ["440", "610"], ids=["the stop", "the watched target"])
def test_a_price_at_bitget_ends_the_trade_when_it_comes(platform: Any, broker: int, price: str) -> None:
    """The stop waits there. The target cannot wait beside it, so its price is watched."""
    platform.price("500", SYMBOL)
    assert alert(platform, broker, "BuyMarket", PrixSL="450", PrixTP="600")["status"] == "executed"
    platform.eventually(lambda: (p := position(platform, broker)) is not None and p["protection"] == "resting")
    platform.price(price, SYMBOL)
    platform.eventually(lambda: position(platform, broker) is None and not waiting(platform))
