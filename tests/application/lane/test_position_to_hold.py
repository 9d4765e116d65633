"""Alerts that say which share of the account's worth is to be held: the difference is traded, and they converge."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.orders.wish import Side
from domain.webhooks.webhook import WebhookStatus
from tests.application.lane.test_order_within_a_market import body
from tests.application.lane.test_sales_and_their_rest import SMALL_LOT, deliver, refuse
from tests.application.protection.test_what_cannot_rest import EXECUTED, rule
from tests.application.trader import BINANCE, PRICES, STOP, TARGET, alarms

pytestmark = pytest.mark.exchanges("binance", "bitget")

FAILED, REFUSED = WebhookStatus.FAILED, WebhookStatus.REFUSED
PRICE = Decimal(50000)


async def hold(trader, share, action="Position", /, **fields):
    """Send an alert for this share; return how it ended."""
    return await trader.alert(action, PourCent="NaN", Position=f'"{share}"', **fields)


def share_held(trader):
    """Return the share of the account's worth (percent) that the webhooks' position holds."""
    account = next(iter(trader.trading.paper.ledger.accounts.values()))
    cash, coins = (account.free.get(one, 0) + account.locked.get(one, 0) for one in ("USDT", "BTC"))
    held = 0 if trader.position() is None else trader.position().held
    return held * PRICE * 100 / (cash + coins * PRICE)


async def covered(trader, *shapes):
    """Wait until all that is held rests under these legs."""

    def seen():
        held = trader.position().held
        quantity = trader.position().protected
        return held - quantity < Decimal("0.00001") and trader.resting() == [(*shape, quantity) for shape in shapes]

    await trader.trading.until(seen)


def sides(trading):
    """Return the sides of all market orders that the exchange took."""
    return [order.side for order in trading.on_exchange() if order.type == "market"]


async def test_the_difference_is_traded_in_both_directions(at):
    async with at(BINANCE) as trader:
        for share in (40, 70, 20, 55):
            assert await hold(trader, share) == EXECUTED
            assert abs(share_held(trader) - share) < 1
        assert sides(trader.trading) == ["buy", "buy", "sell", "buy"]
        assert await hold(trader, 0) == EXECUTED
        await trader.closed()
        assert await alarms(trader.trading) == []


@pytest.mark.parametrize("share", [100, 50, Decimal("0.9")])
async def test_a_repeated_alert_finds_its_share_held_and_trades_nothing(at, share):
    async with at(BINANCE) as trader:
        assert [await hold(trader, share) for _ in range(4)] == [EXECUTED] * 4
        assert sides(trader.trading) == ["buy"]
        position = trader.position()
        assert (len(position.entries), position.exits) == (1, [])
        assert await hold(trader, 0) == await hold(trader, 0) == EXECUTED
        assert sides(trader.trading) == ["buy", "sell"]
        assert await alarms(trader.trading) == []


async def test_alerts_at_once_are_carried_out_one_after_the_other(at):
    """A buy that is not counted yet is not bought again, and the last alert has its way."""
    async with at(BINANCE) as trader:
        said = [(50, 1), (50, 2), (80, 3), (30, 4)]
        alerts = [body("Position", "NaN", number, Position=str(share)) for share, number in said]
        assert await deliver(trader.trading, *alerts) == [EXECUTED] * 4
        assert abs(share_held(trader) - 30) < 1


async def test_lost_and_reversed_alerts_converge(at):
    """Whatever came before, and in whatever order: the last share is what is held."""
    async with at(BINANCE) as trader:
        for shares in ((60, 0), (0, 60), (60, 30), (30, 90, 90)):
            for share in shares:
                assert await hold(trader, share) == EXECUTED
            assert abs(share_held(trader) - shares[-1]) < 1


async def test_an_action_that_contradicts_what_is_held_trades_nothing(at):
    """It is no failed exit: what was to be sold is not held. Its words name both shares."""
    async with at(BINANCE) as trader:
        assert await hold(trader, 50, "BuyMarket") == EXECUTED
        assert await hold(trader, 70, "SellMarket") == (FAILED, "position_below")
        assert await hold(trader, 20, "BuyMarket") == (FAILED, "position_above")
        assert await hold(trader, 50, "SellMarket") == await hold(trader, 50, "BuyMarket") == EXECUTED
        assert sides(trader.trading) == ["buy"]
        assert await alarms(trader.trading) == []
        assert await hold(trader, 20, "SellMarket") == EXECUTED
        assert abs(share_held(trader) - 20) < 1


@pytest.mark.parametrize(
    ("action", "fields", "code"),
    [
        ("BuyMarket", {"Position": "0"}, "position_contradicts"),
        ("SellMarket", {"Position": "100"}, "position_contradicts"),
        ("MAJ", {"Position": "50", "PrixSL": "1"}, "position_contradicts"),
        ("BuyMarket", {"Position": "50", "PourCent": "50"}, "size_ambiguous"),
        ("Position", {"Position": "50", "PourCent": "50"}, "size_ambiguous"),
        ("Position", {}, "position_missing"),
        ("Position", {"Position": "100.01"}, "position_out_of_range"),
        ("Position", {"Position": "-1"}, "not_positive"),
        ("Position", {"Position": '"long"'}, "not_a_number"),
        ("BuyMarket", {"position": "50"}, "key_misspelt"),
    ],
)
async def test_what_cannot_be_meant_is_refused_at_the_field(at, action, fields, code):
    async with at(BINANCE) as trader:
        assert await trader.alert(action, **{"PourCent": "NaN", **fields}) == (REFUSED, code)
        assert sides(trader.trading) == []


async def test_other_coins_of_the_account_count_in_its_worth_and_are_never_sold(at):
    """The account holds one coin of its owner and a thousand in cash; nine tenths of both are more than the cash."""
    async with at(BINANCE, USDT="1000", BTC="1") as trader:
        assert await hold(trader, 0) == await hold(trader, 1) == EXECUTED
        assert abs(share_held(trader) - 1) < Decimal("0.1")
        assert await hold(trader, 90) == EXECUTED
        account = next(iter(trader.trading.paper.ledger.accounts.values()))
        assert account.free["USDT"] < 1
        assert await hold(trader, 0) == await hold(trader, 0) == EXECUTED
        assert account.free["BTC"] + account.locked.get("BTC", 0) == 1


@pytest.mark.exchanges("binance")
async def test_a_share_is_held_under_its_stop(at):
    """Adding and reducing keep the protection; an alert that names prices moves it."""
    async with at(BINANCE) as trader:
        assert await hold(trader, 50, **PRICES) == EXECUTED
        await covered(trader, STOP, TARGET)
        assert await hold(trader, 80) == await hold(trader, 30) == EXECUTED
        await covered(trader, STOP, TARGET)
        assert await hold(trader, 30, PrixSL="46000") == EXECUTED
        await covered(trader, ("stop_loss", Decimal(46000)), TARGET)


async def test_what_a_resting_buy_will_bring_is_not_bought_again(at):
    async with at(BINANCE) as trader:
        assert await hold(trader, 50, "BuyLimit", Prix="49000") == EXECUTED
        assert await hold(trader, 50, "BuyLimit", Prix="49000") == EXECUTED
        [resting] = [order for order in trader.trading.on_exchange() if order.rests]
        assert resting.side == Side.BUY
        assert resting.quantity * 49000 == pytest.approx(500, abs=1)


@pytest.mark.parametrize("shares", [(80, 30, 60), (60, 20, 70), (30, 0, 50), (60, 40, 60)])
@pytest.mark.parametrize("held", [0, 40])
async def test_the_last_of_several_at_once_has_its_way(at, held, shares):
    """Which side an alert is on is known when its turn comes. The order of the other side keeps its place in line."""
    async with at(BINANCE) as trader:
        if held:
            assert await hold(trader, held) == EXECUTED
        alerts = [body("Position", "NaN", number, Position=str(share)) for number, share in enumerate(shares)]
        assert await deliver(trader.trading, *alerts) == [EXECUTED] * len(shares)
        await trader.trading.until(lambda: abs(share_held(trader) - shares[-1]) < Decimal("1.2"))


async def test_shares_and_parts_at_once_are_carried_out_in_their_order(at):
    async with at(BINANCE) as trader:
        alerts = [
            body("BuyMarket", "50", 1), body("Position", "NaN", 2, Position="20"), body("SellMarket", "50", 3),
            body("Position", "NaN", 4, Position="70"),
        ]  # fmt: skip
        assert await deliver(trader.trading, *alerts) == [EXECUTED] * 4
        await trader.trading.until(lambda: abs(share_held(trader) - 70) < 1)


@pytest.mark.exchanges("binance")
async def test_a_stop_that_moves_first_ends_no_alert(at):
    """The stop rests while the order still waits: the alert is carried out all the same."""
    async with at(BINANCE) as trader:
        assert await hold(trader, 30, **PRICES) == EXECUTED
        await covered(trader, STOP, TARGET)
        failures = [ConnectionError("nobody answers")]

        async def away():
            if failures:
                raise failures.pop()

        trader.trading.client.before["balances"] = away
        assert await hold(trader, 60, PrixSL="46000") == EXECUTED
        await trader.trading.until(lambda: abs(share_held(trader) - 60) < 1)
        await covered(trader, ("stop_loss", Decimal(46000)), TARGET)


@pytest.mark.exchanges("binance")
async def test_a_stop_follows_a_position_that_is_held_already(at):
    async with at(BINANCE) as trader:
        assert await hold(trader, 100, **PRICES) == EXECUTED
        await covered(trader, STOP, TARGET)
        assert await hold(trader, 100, PrixSL="46000") == EXECUTED
        await covered(trader, ("stop_loss", Decimal(46000)), TARGET)


@pytest.mark.exchanges("binance")
@pytest.mark.parametrize("share", [{"Position": "40"}, {"PourCent": "50"}])
async def test_a_sale_in_parts_whose_first_part_expires_sells_no_part_twice(at, share):
    async with at(BINANCE) as trader:
        assert await hold(trader, 80) == EXECUTED
        await rule(trader.trading, filters=SMALL_LOT)
        refuse(trader.trading, "expire")
        action = "Position" if "Position" in share else "SellMarket"
        assert await trader.alert(action, **{"PourCent": "NaN", **share}) == EXECUTED
        await trader.trading.until(lambda: abs(share_held(trader) - 40) < Decimal("1.5"))
        await trader.trading.until(lambda: len(sides(trader.trading)) == 4)
        assert abs(share_held(trader) - 40) < Decimal("1.5")
