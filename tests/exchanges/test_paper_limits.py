"""The paper Binance enforces the real one's limits and reports the figures that go with them."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from itertools import takewhile
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from adapters.exchanges.binance.signing import signed_query
from application.ports.errors import NotAccepted
from tests.exchanges.binance.test_binance_client import trading
from tests.exchanges.binance.test_binance_entry import resting


def ask(paper, path, **parameters):
    """Send one public request and return its status, headers and body."""
    try:
        with urlopen(f"{paper.binance_url}/api/v3/{path}?{urlencode(parameters)}", timeout=10) as answer:
            return answer.status, answer.headers, json.loads(answer.read())
    except HTTPError as refused:
        return refused.code, refused.headers, json.loads(refused.read())


def ask_privately(paper, keys, path, **parameters):
    """Send one signed request of an account and return the decoded answer."""
    now = ask(paper, "time")[2]["serverTime"]
    query = signed_query({**parameters, "timestamp": now}, keys["secret"])
    request = Request(f"{paper.binance_url}/api/v3/{path}?{query}", headers={"X-MBX-APIKEY": keys["key"]})
    with urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def one_moment(paper):
    """Stop the clock of the budgets, because a slow test would otherwise run into the next window."""
    budgets = paper._server.paper.budgets
    moment = budgets._clock()
    budgets._clock = lambda: moment


def test_the_weight_of_a_minute_is_enforced_and_going_on_is_punished(paper):
    """First 429 with the seconds to wait, then 418 for minutes. With the limits off, nothing is counted."""
    statuses = list(takewhile(lambda status: status != 418, (ask(paper, "exchangeInfo")[0] for _ in range(1000))))
    # A minute may end meanwhile, so the number of accepted requests varies. But no ban comes without a warning.
    assert set(statuses) == {200, 429}
    assert statuses.count(429) >= 10
    status, headers, body = ask(paper, "ping")
    assert (status, body["code"]) == (418, -1003)
    assert 60 < int(headers["Retry-After"]) <= 120
    paper.control("PUT", "limits", {"enabled": False})
    status, headers, _ = ask(paper, "ping")
    assert (status, headers["X-MBX-USED-WEIGHT-1M"]) == (200, "0")


def test_more_than_a_hundred_orders_in_ten_seconds_are_refused(paper):
    """Code -1015 proves that an order was not accepted. With the limits off, every order is accepted."""

    async def flood(count):
        async with trading(paper, USDT="1000000") as (client, keys, market):
            for number in range(count):
                await client.place(keys, resting(market, f"o-{number}"))

    one_moment(paper)
    with pytest.raises(NotAccepted):
        asyncio.run(flood(250))
    paper.control("PUT", "limits", {"enabled": False})
    asyncio.run(flood(150))


def test_an_account_is_told_its_order_counts_and_its_commissions(paper):
    """Both answers have the documented shape."""
    one_moment(paper)
    keys = paper.account(USDT="1000")

    async def story():
        async with trading(paper) as (client, mine, market):
            await client.place(mine, resting(market, "one"))
            return mine

    mine = asyncio.run(story())
    counts = ask_privately(paper, {"key": mine.key, "secret": mine.secret}, "rateLimit/order")
    assert [(c["interval"], c["count"], c["limit"]) for c in counts] == [("SECOND", 1, 100), ("DAY", 1, 200_000)]
    rates = ask_privately(paper, keys, "account/commission", symbol="BTCUSDT")
    assert rates["standardCommission"]["taker"] == "0.00100000"
    assert rates["discount"]["discountAsset"] == "BNB"


def test_what_a_market_trades_is_public(paper):
    """Trades and their aggregates show the quantity, the price and whether the buyer was the maker."""
    for price in ("40000", "39000"):
        paper.hold("BTC/USDT", price)
    before, trade = ask(paper, "trades", symbol="BTCUSDT", limit=2)[2]
    [aggregate] = ask(paper, "aggTrades", symbol="BTCUSDT", limit=1)[2]
    assert (Decimal(trade["qty"]), Decimal(trade["price"]), trade["isBuyerMaker"]) == (
        Decimal("0.00001"), Decimal(39000), True,
    )  # fmt: skip
    assert trade["id"] == before["id"] + 1
    assert (aggregate["a"], aggregate["q"], aggregate["p"]) == (trade["id"], trade["qty"], trade["price"])
