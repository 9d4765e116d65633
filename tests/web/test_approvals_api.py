"""Entries that wait for approval in the console's API: what each would buy now, and the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from application.webhooks.reception import receive
from domain.aggregate import carrying
from domain.webhooks.webhook import Webhook, WebhookStatus

Problem = Callable[..., None]
BALANCES = {"USDT": ("1000", "0"), "BTC": ("0.01", "0")}
PRICES = {"BTC/USDT": ("50000", 1.0)}


@pytest.fixture
def balances(console: Any) -> None:
    """Let the gateway tell balances and prices of broker 1, whose market is loaded."""
    console.database.connect().execute(
        "INSERT INTO service.markets (exchange, venue, symbol, native, base, quote, active, rules)"
        " VALUES ('binance', 'paper', 'BTC/USDT', 'BTCUSDT', 'BTC', 'USDT', true, '{}')"
    )
    console.change("platform", rates=lambda *_: PRICES, balances=lambda _: (BALANCES, 1.0))


def ask(console: Any, minutes: int = 5, **fields: Any) -> UUID:
    """Record an alert that waits for its trader, and return its webhook's id."""
    said = {"Action": '"BuyMarket"', "Symbol": '"BTCUSDT"', "UserID": 1, "UserExchangeID": 1, "PourCent": 50, **fields}
    body = "{" + ",".join(f'"{key}":{value}' for key, value in said.items() if value is not None) + "}"
    now = datetime.now(UTC)
    webhook_id = receive(console.store, 1, body.encode(), "192.0.2.1", now)
    webhook = console.store.get(Webhook, webhook_id)
    with carrying(user="1"):
        webhook.ask(now + timedelta(minutes=minutes))
        console.store.save(webhook)
    console.project()
    return UUID(str(webhook_id))


def only(alice: Any) -> dict[str, Any]:
    [asked] = alice.get("/api/webhooks/approvals").json()["items"]
    return dict(asked)


def test_an_entry_is_shown_with_its_size_its_worth_and_the_distance_to_its_stop(
    console: Any, alice: Any, balances: None
) -> None:
    ask(console, PrixSL=49000, PrixTP=0, IndicateurName='"EMA"', Interval='"5"')
    shown = only(alice)
    amounts = [float(shown[name]) for name in ("cost", "quantity", "price", "stop_distance", "risk", "percent")]
    assert amounts == [500, 0.01, 50000, 2, 10, 50]
    assert (shown["symbol"], shown["take_profit"], shown["indicator"]) == ("BTC/USDT", None, "EMA")


def test_an_entry_at_a_limit_is_shown_at_its_price(console: Any, alice: Any, balances: None) -> None:
    ask(console, Action='"BuyLimit"', Prix=40000, PrixSL=30000)
    shown = only(alice)
    amounts = [float(shown[name]) for name in ("cost", "quantity", "price", "stop_distance", "risk")]
    assert amounts == [500, 0.0125, 40000, 25, 125]


@pytest.mark.parametrize(("share", "cost"), [(40, 600), (90, 1000), (0.1, 1.5)])
def test_an_entry_to_a_share_is_shown_with_what_is_missing(
    console: Any, alice: Any, balances: None, share: float, cost: float
) -> None:
    """The account is worth 1500; no more than is free is spent, and the owner's own coins are no position."""
    ask(console, Action='"Position"', PourCent=None, Position=share)
    shown = only(alice)
    assert (float(shown["cost"]), float(shown["holding"]), shown["stop_loss"]) == (cost, share, None)


def test_what_cannot_be_told_is_left_open(console: Any, alice: Any) -> None:
    """Without balances and prices the chart's price is all that is known."""
    ask(console, Close=48000, PrixSL=47520)
    shown = only(alice)
    assert (shown["cost"], shown["quantity"], shown["risk"]) == (None, None, None)
    assert (float(shown["price"]), float(shown["stop_distance"])) == (48000, 1)
    ask(console)
    assert alice.get("/api/webhooks/approvals").json()["items"][1]["price"] is None


def test_an_answer_counts_once(console: Any, alice: Any, problem: Problem) -> None:
    entries = [ask(console, N=number) for number in range(2)]
    for entry, answer in zip(entries, ("approve", "decline"), strict=True):
        assert alice.post(f"/api/webhooks/{entry}/{answer}").status_code == 204
        assert alice.post(f"/api/webhooks/{entry}/{answer}").status_code == 204
    problem(alice.post(f"/api/webhooks/{entries[1]}/approve"), 409, "webhook_refused")
    webhooks = [console.store.get(Webhook, entry) for entry in entries]
    assert [one.status for one in webhooks] == [WebhookStatus.APPROVED, WebhookStatus.REFUSED]
    console.project()
    assert alice.get("/api/webhooks/approvals").json()["items"] == []
    told = [(row["status"], row["reason"]) for row in alice.get("/api/webhooks/history").json()["items"]]
    assert sorted(told) == [("approved", None), ("refused", "approval_declined")]
    # Until it is carried out, its trader may still change their mind.
    assert alice.post(f"/api/webhooks/{entries[0]}/decline").status_code == 204
    problem(alice.post(f"/api/webhooks/{entries[0]}/approve"), 409, "webhook_refused")


def test_a_late_answer_is_refused(console: Any, alice: Any, problem: Problem) -> None:
    entry = ask(console, minutes=-1)
    problem(alice.post(f"/api/webhooks/{entry}/approve"), 409, "approval_expired")


def test_an_entry_that_waits_is_told_as_a_condition(console: Any, alice: Any) -> None:
    ask(console, Interval='"5"')
    rows = alice.get("/api/conditions").json()["items"]
    [stream] = [row for row in rows if row["kind"] == "stream"]
    assert "approval_asked" in [one["cause"] for one in stream["obstacles"]]


def test_the_gates_of_new_streams_are_set_at_the_broker(console: Any, alice: Any, problem: Problem) -> None:
    opened = {
        "locked": False, "rest": None, "rest_after_loss": None, "most_entries": None, "approved": None, "twin": None,
    }  # fmt: skip
    assert alice.get("/api/brokers").json()["items"][0]["gates"] == opened
    assert alice.put("/api/brokers/1/gates", json={"locked": True, "approved": 3}).status_code == 204
    console.project()
    assert alice.get("/api/brokers").json()["items"][0]["gates"] == opened | {"locked": True, "approved": 3}
    problem(alice.put("/api/brokers/1/gates", json={"twin": 1}), 422, "twin_not_on_paper")
    problem(alice.put("/api/brokers/1/gates", json={"approved": 101}), 422, "gate_out_of_range")


@pytest.mark.parametrize(
    "odd",
    [
        {"Action": '"BuyLimit"', "Prix": "1e-20"}, {"PrixSL": "1e24"}, {"Symbol": '"NOPEUSDT"', "Close": "1e-30"},
        {"PourCent": None, "Action": '"Position"', "Position": "1e-25"}, {"PrixSL": 60000},
    ],
)  # fmt: skip
def test_an_odd_alert_hides_no_other(console: Any, alice: Any, balances: None, odd: dict[str, Any]) -> None:
    ask(console, **odd)
    ask(console, PrixSL=49000)
    told = alice.get("/api/webhooks/approvals")
    assert told.status_code == 200
    assert [float(one["risk"]) for one in told.json()["items"] if one["risk"] is not None][-1] == 10
