"""Fees charged in the traded coins themselves: BNB, when the account's owner lets Binance charge them so."""

from __future__ import annotations

from decimal import Decimal

from domain.trading.position import Position
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import LISTS

BNB = Position.create_id(1, 1, "BNB/USDT", "webhook")
ALERT = {"Symbol": '"BNBUSDT"'}


def takes_fees_of_sales_in_bnb(ledger):
    """Let the paper exchange charge fees of sales in BNB. Otherwise it charges them in the currency received."""
    told = ledger._say

    def say(what, order, trade):
        if trade is not None and order.side == "sell":
            order.account.add(trade.fee_currency, trade.fee)
            trade.fee, trade.fee_currency = trade.quantity * Decimal("0.00075"), "BNB"
            order.account.free["BNB"] -= trade.fee
        told(what, order, trade)

    ledger._say = say


async def test_what_is_left_of_a_sale_whose_fee_is_taken_in_the_coins_sold_is_protected(at):
    """The account has lost more coins than were sold: a stop for the missing ones would be refused forever."""
    async with at(LISTS) as trader:
        trading = trader.trading
        trading.hold("BNB/USDT", "500")
        takes_fees_of_sales_in_bnb(trading.paper.ledger)
        await trader.alert("BuyMarket", PourCent="100", PrixSL="450", PrixTP="600", **ALERT)
        await trading.until(trader.resting)
        assert await trader.alert("SellMarket", PourCent="50", **ALERT) == (WebhookStatus.EXECUTED, None)
        [account] = trading.paper.ledger.accounts.values()
        await trading.until(lambda: len(trader.resting()) == 2 or trader.store.find(Position, BNB).lost)
        position = trader.store.find(Position, BNB)
        assert position.lost is None
        assert position.held == account.free["BNB"] + account.locked["BNB"]
