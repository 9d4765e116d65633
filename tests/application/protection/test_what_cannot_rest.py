"""A protection that cannot rest in the wanted form rests in another, or its price is watched, and its owner is told."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from adapters.paper.faults import Fault
from domain.alert import Cause
from domain.people.broker import StopStyle
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import BINANCE, HELD, LISTS, PRICES, STOP, TARGET, alarms

pytestmark = pytest.mark.exchanges("binance", "bitget")

EXECUTED = (WebhookStatus.EXECUTED, None)
AT_A_LIMIT = ("stop_loss_limit", STOP[1])
NO_STOPS = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT"]


async def rule(trading, *, known=True, **rules):
    """Give the market these rules. With `known` the platform knows them.

    Otherwise it has to learn them from a refusal.
    """
    trading.paper.markets.change("binance", trading.paper.markets.pair("BTC/USDT"), **rules)
    if known:
        trading.lane.know_markets({market.symbol: market for market in await trading.client.markets()})


@pytest.mark.exchanges("binance")
@pytest.mark.parametrize("known", [True, False], ids=["known before", "learned by a refusal"])
@pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
@pytest.mark.parametrize(
    ("rules", "shapes"),
    [
        ({"filters": {"PERCENT_PRICE_BY_SIDE": {"askMultiplierUp": "1.1"}}}, [(*STOP, HELD)]),
        ({"filters": {"MAX_NUM_ORDER_LISTS": {"maxNumOrderLists": 0}}}, [(*STOP, HELD)]),
        ({"oco_allowed": False}, [(*STOP, HELD)]),
        ({"order_types": NO_STOPS, "oco_allowed": False}, [(*AT_A_LIMIT, HELD)]),
        ({"filters": {"MARKET_LOT_SIZE": {"maxQty": "0.005"}}, "oco_allowed": False}, [(*AT_A_LIMIT, HELD)]),
    ],
    ids=["target too far", "no place for a list", "no lists", "no stops at the market", "above the market's lot"],
)
async def test_a_list_that_cannot_rest_rests_as_a_stop(at, able, known, rules, shapes):
    """The stop rests at once and covers everything that is held."""
    async with at(able) as trader:
        trading = trader.trading
        if "MARKET_LOT_SIZE" in rules.get("filters", {}):
            await trader.alert("BuyMarket", PourCent="50")  # bought before the lot becomes that small
            await rule(trading, known=known, **rules)
            assert await trader.alert("MAJ", **PRICES) == EXECUTED
        else:
            await rule(trading, known=known, **rules)
            assert await trader.alert("BuyMarket", PourCent="50", **PRICES) == EXECUTED
        await trading.until(lambda: trader.resting() == shapes)
        await trading.until(lambda: trader.position().protected == HELD)


async def test_a_target_that_does_not_rest_is_sold_at_its_price_or_better(at):
    """The target is sold only after a bid has met its price for a second. A single trade at that price is no buyer."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await rule(trading, oco_allowed=False)
        await trader.buy(STOP)
        assert trader.position().target_watched
        trading.hold("BTC/USDT", "60000.01")
        await trader.closed()
        assert trader.sold() == HELD
        [sale] = [order for order in trader.sells() if order.filled]
        assert (sale.type, sale.price, sale.time_in_force) == ("limit", TARGET[1], "IOC")


@pytest.mark.exchanges("binance")
async def test_a_sale_above_the_markets_lot_goes_out_in_parts(at):
    """Everything is sold, and no order is larger than the lot."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        await rule(trading, filters={"MARKET_LOT_SIZE": {"maxQty": "0.004"}})
        assert await trader.alert("SellMarket") == EXECUTED
        await trader.closed()
        sales = [order.quantity for order in trader.sells() if order.type == "market"]
        assert (sum(sales), len(sales)) == (HELD, 3)
        assert max(sales) <= Decimal("0.004")


# --- while nothing rests -----------------------------------------------------------------------------------------


@pytest.mark.exchanges("binance")
@pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
async def test_a_stop_that_cannot_be_placed_is_carried_out_when_the_price_passes_it(at, able):
    """The owner is told why nothing rests. The price is looked at during the pause before the next attempt."""
    async with at(able) as trader:
        trading = trader.trading
        for kind in ("STOP_LOSS", "STOP_LOSS_LIMIT"):
            no = {"times": 1000, "type": kind, "code": -2010, "message": "This action is disabled on this account."}
            trading.paper.faults.add(Fault("place_order", "refuse", **no))
        bought = asyncio.create_task(trader.alert("BuyMarket", PourCent="50", **PRICES))
        await trading.until(lambda: trader.position() is not None and trader.position().lost)
        [told] = await trading.read("Position.ProtectionLost")
        assert "disabled on this account" in told.detail
        await trading.until(lambda: trading.store.read(0, topics=["Alert.Raised"]))
        assert await alarms(trading) == [Cause.POSITION_UNPROTECTED]
        await trading.until(lambda: trader.trading.lane._guard._troubles[trader.position().id].times > 3)
        trading.hold("BTC/USDT", "44999")
        await trader.closed()
        assert trader.sold() == HELD
        await bought


# --- too small to be protected -----------------------------------------------------------------------------------


async def test_an_entry_that_would_be_too_small_to_be_protected_is_refused(at):
    """The refusal names the amounts, and nothing is bought."""
    async with at(LISTS) as trader:
        status, reason = await trader.alert("BuyMarket", PourCent="0.55", PrixSL="40000", PrixTP="60000")
        assert (status, reason) == (WebhookStatus.FAILED, "too_small_to_protect")
        assert trader.trading.on_exchange() == []
        [refused] = await trader.trading.read("Order.Refused")
        assert refused.detail == "4 USDT is below the minimum of 5"


async def test_a_stop_at_a_limit_is_weighed_at_its_limit_before_anything_is_bought(at):
    """The limit, half a percent below the trigger, has to meet the minimum notional."""
    async with at(LISTS, style=StopStyle.LIMIT) as trader:
        for share, end in (("1.13", "too_small_to_protect"), ("1.2", None)):
            _, reason = await trader.alert("BuyMarket", PourCent=share, PrixSL="22800")
            assert reason == end


@pytest.mark.exchanges("binance")
async def test_a_move_to_a_part_that_is_too_small_is_refused_and_what_rests_stays(at):
    """The webhook is refused, and nothing is cancelled."""
    async with at(LISTS) as trader:
        await trader.buy(STOP, TARGET)
        moved = await trader.alert("MAJ", PrixSL="46000", PourCent="1")
        assert moved == (WebhookStatus.REFUSED, "too_small_to_protect")
        await trader.protected(HELD, STOP, TARGET)
        assert {order.status for order in trader.sells()} == {"new"}


# --- orders that end with nothing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["expire", "expire_in_match"])
async def test_an_entry_that_ends_without_a_trade_has_failed(at, kind):
    """The webhook fails with the exchange's reason, and nothing is held."""
    async with at(LISTS) as trader:
        trader.trading.paper.faults.add(Fault("place_order", kind))
        status, reason = await trader.alert("BuyMarket", PourCent="50", **PRICES)
        assert status is WebhookStatus.FAILED
        assert reason
        assert not trader.position().is_open


@pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
async def test_an_exit_that_ends_without_a_trade_is_sent_once_more(at, able):
    """The first exit has ended, which proves that the second one sells nothing twice."""
    async with at(able) as trader:
        await trader.buy(STOP, TARGET)
        trader.trading.paper.faults.add(Fault("place_order", "expire", type="MARKET"))
        assert await trader.alert("SellMarket") == EXECUTED
        await trader.closed()
        assert trader.sold() == HELD


async def test_an_exit_that_ends_twice_without_a_trade_is_told_and_its_coins_are_protected(at):
    """The owner decides what to do. Until then the stop rests again."""
    async with at(BINANCE) as trader:
        await trader.buy(STOP, TARGET)
        trader.trading.paper.faults.add(Fault("place_order", "expire", times=2, type="MARKET"))
        assert (await trader.alert("SellMarket"))[0] is WebhookStatus.FAILED
        await trader.protected(HELD, STOP, TARGET)
        assert Cause.EXIT_REJECTED in await alarms(trader.trading)


# --- coins -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
async def test_coins_that_the_exchange_counts_a_moment_later_are_sold_all_the_same(at, able):
    """A refusal for insufficient coins right after our own cancel or fill is not final."""
    async with at(able) as trader:
        await trader.buy(STOP, TARGET)
        trader.trading.paper.faults.add(Fault("place_order", "insufficient", times=2, type="MARKET"))
        assert await trader.alert("SellMarket") == EXECUTED
        await trader.closed()
        assert trader.sold() == HELD


@pytest.mark.exchanges("binance")
async def test_a_few_coins_that_are_missing_leave_the_others_under_a_stop(at):
    """The coins paid the fees of other trades. Two balances, seconds apart, have to agree before the owner is told."""
    async with at(LISTS) as trader:
        trading = trader.trading
        account = next(iter(trading.paper.ledger.accounts.values()))
        bought = asyncio.create_task(trader.alert("BuyMarket", PourCent="50", **PRICES))
        await trading.until(lambda: account.free.get("BTC"))
        account.free["BTC"] -= Decimal("0.0001")
        left = HELD - Decimal("0.0001")
        while not trader.resting() or trader.position().protected != left:
            trading.pass_by(1)
            await asyncio.sleep(0.05)
        assert [quantity for *_, quantity in trader.resting()] == [left, left]
        assert await bought == EXECUTED
        assert Cause.POSITION_UNPROTECTED in await alarms(trading)


@pytest.mark.parametrize("rules", [{"PRICE_FILTER": {"tickSize": "1"}}, {"LOT_SIZE": {"stepSize": "0.0001"}}])
async def test_what_rests_stays_when_the_steps_of_its_market_change(at, rules):
    """Orders that rest followed the rules of their time. The new rules apply to the next ones."""
    async with at(BINANCE) as trader:
        executed = await trader.alert("BuyMarket", PourCent="50", PrixSL="45000.37")
        assert executed == EXECUTED
        await trader.trading.until(trader.resting)
        before = [order.id for order in trader.sells()]
        await rule(trader.trading, filters=rules)
        assert await trader.alert("MAJ", PrixSL="45000.37") == EXECUTED
        assert [order.id for order in trader.sells()] == before
