"""The order of wishes within one market is that of the log: no exit sells coins bought after it."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from application.webhooks.reception import receive
from domain.webhooks.webhook import Webhook, WebhookStatus
from tests.application.trader import BINANCE, HELD, PRICES, STOP, TARGET

pytestmark = pytest.mark.exchanges("binance", "bitget")


def body(action, share, number, **fields):
    """Return the body of an alert. Its number tells it apart from others of the same bar."""
    said = {"Symbol": '"BTCUSDT"', "UserID": "1", "UserExchangeID": "1", "PourCent": share, "Nr": str(number), **fields}
    return (
        "{" + ",".join(f'"{key}":{value}' for key, value in {"Action": f'"{action}"', **said}.items()) + "}"
    ).encode()


async def test_two_exits_and_an_entry_within_milliseconds_leave_what_the_entry_bought(at):
    """Sell half, sell everything, buy: flat, then long. The second exit waits until the first is counted."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        alerts = [body("SellMarket", "50", 1), body("SellMarket", "100", 2), body("BuyMarket", "66", 3, **PRICES)]
        ids = [await asyncio.to_thread(receive, trading.store, 1, alert, "127.0.0.1", trading.now) for alert in alerts]
        ends = {WebhookStatus.EXECUTED, WebhookStatus.FAILED, WebhookStatus.REFUSED}
        await trading.until(lambda: all(trading.store.get(Webhook, one).status in ends for one in ids))
        assert [trading.store.get(Webhook, one).status for one in ids] == [WebhookStatus.EXECUTED] * 3
        kinds = [(order.side, order.type) for order in trading.on_exchange() if order.type == "market"]
        assert kinds == [("buy", "market"), ("sell", "market"), ("sell", "market"), ("buy", "market")]
        assert trader.sold() == HELD
        await trading.until(lambda: trader.position().held > Decimal("0.01"))
        bought = trading.markets["BTC/USDT"].round_quantity(trader.position().held)
        await trader.protected(bought, STOP, TARGET)


async def test_an_entry_behind_an_exit_that_waits_grows_stale_by_its_own_age(at):
    """The exit may wait longer than the entry behind it: the entry is refused as stale, the exit is carried out."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)

        async def away():
            raise ConnectionError("nobody answers")

        trading.client.before["balances"] = away
        selling = asyncio.create_task(trader.alert("SellMarket"))
        await trading.until(lambda: trader.position().exits)
        buying = asyncio.create_task(trader.alert("BuyMarket", PourCent="50", **PRICES))
        await trading.until(lambda: len(trader.position().entries) > 1)
        trading.pass_by(70)
        del trading.client.before["balances"]
        assert await selling == (WebhookStatus.EXECUTED, None)
        assert await buying == (WebhookStatus.FAILED, "stale")
