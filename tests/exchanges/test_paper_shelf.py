"""The paper exchange's books survive a restart, also in files that an older version has written."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

import msgspec
import pytest

from adapters.paper.exchange import Paper
from adapters.paper.markets import new_pair
from adapters.paper.pairs import PAIRS
from adapters.paper.shelf import Shelf


@pytest.fixture
def started(tmp_path):
    """Yield a function that starts an exchange on one file of books.

    It first removes the markets that earlier exchanges listed.
    """
    running = []

    def start():
        for before in running:
            before.markets.forget()
        running.append(Paper())
        Shelf(tmp_path / "books").restore(running[-1].ledger, running[-1].plans)
        return running[-1]

    yield start
    for paper in running:
        paper.markets.forget()


def rest(paper, account, symbol, price):
    """Place a sell of one coin that rests."""
    named = {"client_order_id": symbol, "side": "sell", "type": "limit", "quantity": Decimal(1)}
    return paper.ledger.place(account, paper.markets.pair(symbol), **named, price=Decimal(price))


def test_an_order_in_a_market_that_was_listed_meanwhile_is_there_again(started):
    """The market, its price and the account's fee currency come back with the order. Changed rules do not."""
    paper = started()
    account = paper.ledger.open_account("binance", {"AAA": Decimal(5), "BNB": Decimal(1)}, key="key", fees_in="BNB")
    paper.markets.list("binance", new_pair("AAA", "USDT", "10", "0.00000001", "1"))
    paper.markets.change("binance", PAIRS["AAA/USDT"], status="HALT")
    paper.markets.change("binance", PAIRS["AAA/USDT"], status="TRADING", order_types=["LIMIT"])
    rest(paper, account, "AAA/USDT", "20")
    again = started()
    [order] = again.ledger.orders.values()
    pair = order.pair
    assert (pair.symbol, pair.tick, pair.step, order.account.fees_in) == ("AAA/USDT", Decimal("0.00000001"), 1, "BNB")
    assert (again.prices.last["AAA/USDT"], "MARKET" in again.markets.rules("binance", pair).order_types) == (10, True)
    again.prices.hold("AAA/USDT", Decimal(20))
    assert (order.status, order.trades[0].fee_currency) == ("filled", "BNB")


def test_a_file_of_an_older_exchange_is_read(started, tmp_path):
    """The accounts in an older file have no setting for fees in another currency."""
    paper = started()
    account = paper.ledger.open_account("binance", {"BTC": Decimal(5)}, key="key")
    rest(paper, account, "BTC/USDT", "200000")
    with sqlite3.connect(tmp_path / "books") as books:
        for kind, key, body in books.execute("SELECT kind, id, body FROM kept").fetchall():
            old = {name: value for name, value in msgspec.json.decode(body).items() if name != "fees_in"}
            books.execute("UPDATE kept SET body = ? WHERE (kind, id) = (?, ?)", (msgspec.json.encode(old), kind, key))
    again = started()
    assert [order.client_order_id for order in again.ledger.orders.values()] == ["BTC/USDT"]
    assert again.ledger.accounts["binance", "key"].fees_in == ""


def test_a_market_that_was_listed_is_gone_from_the_process_with_its_exchange(started):
    """An exchange that starts later does not have the market."""
    paper = started()
    paper.markets.list("binance", new_pair("AAA", "USDT", "10", "0.5", "1"))
    assert "AAA/USDT" in PAIRS
    assert "AAA/USDT" not in {pair.symbol for pair in started().markets.pairs("binance")}


def test_plans_are_there_again_and_still_wait_on_their_side(started):
    """One that has become an order keeps it; coins that were locked stay locked."""
    paper = started()
    account = paper.ledger.open_account("bitget", {"BTC": Decimal(2), "USDT": Decimal(0)}, key="key")
    pair, last = PAIRS["BTC/USDT"], paper.prices.last["BTC/USDT"]
    terms = {"side": "sell", "price": None, "quantity": Decimal(1)}
    paper.plans.place(account, pair, client_order_id="done", trigger=last + 1, **terms)
    paper.prices.hold("BTC/USDT", last + 2)
    paper.plans.lock_coins = True
    paper.plans.place(account, pair, client_order_id="waits", trigger=last - 1000, **terms)
    again = started()
    [done, waits] = again.plans.all()
    assert (done.status, done.order.status, waits.status, waits.above) == ("executed", "filled", "live", False)
    again.prices.hold("BTC/USDT", waits.trigger - 1)
    assert (waits.status, waits.order.status) == ("executed", "filled")
    assert next(again.ledger.order_ids) > waits.id
