"""A form that cannot rest is known by the rules or learned once: it takes no stop off the book again and again."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from application.orders.agenda import Task
from domain.webhook import WebhookStatus
from tests.application.protection.test_what_cannot_rest import AT_A_LIMIT, EXECUTED, NO_STOPS, rule
from tests.application.trader import BINANCE, HELD, LISTS, STOP, TARGET

HALF = Decimal("0.00499")
"""Half of what is held, on the step of the market."""
ONE_STOP = {"filters": {"MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": 1}}}
NO_MAKERS = {"order_types": ["LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"]}
NARROW = {"PERCENT_PRICE_BY_SIDE": {"askMultiplierUp": "1.1", "askMultiplierDown": "0.95"}}
AN_INSTANT = 1.0
"""Seconds that a try may take which is refused, on a busy machine."""
WAYS = pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
REASONS = pytest.mark.parametrize("rules", [ONE_STOP, NO_MAKERS], ids=["places for stops", "no orders that only rest"])


async def loaded_again(trader):
    """The rules are loaded, as a refusal asks for, and what follows from that is done."""
    trading = trader.trading
    trading.lane.know_markets({market.symbol: market for market in await trading.client.markets()})
    await looked_at(trader)


async def looked_at(trader):
    """The lane has looked at the position, and at its price some times."""
    trader.trading.lane.agenda.put(Task.GUARD, trader.position().id)
    await asyncio.sleep(0.3)


async def target_for_a_half(trader):
    """A stop rests for everything; a target for a half of it is asked for, and watched."""
    assert await trader.alert("BuyMarket", PourCent="50", PrixSL="45000") == EXECUTED
    await trader.protected(HELD, STOP)
    bare = trader.bare_for()
    assert await trader.alert("MAJ", PourCent="50", PrixTP="60000") == EXECUTED
    await trader.trading.until(lambda: trader.position().target_watched and trader.position().protected == HELD)
    return bare


async def submissions(trader):
    """How many orders were sent."""
    return len(await trader.trading.read("Order.Submitted"))


@WAYS
@REASONS
async def test_a_list_that_the_rules_leave_no_place_for_is_never_tried(at, able, rules):
    """The stop stays on the book, and the target is watched."""
    async with at(able) as trader:
        await rule(trader.trading, **rules)
        bare = await target_for_a_half(trader)
        assert (trader.resting(), bare, await submissions(trader)) == ([(*STOP, HELD)], [], 2)


@WAYS
@REASONS
async def test_a_list_that_was_refused_takes_the_stop_off_once_while_the_rules_stay_the_same(at, able, rules):
    """However often those are loaded; within the hour it is not tried again."""
    async with at(able) as trader:
        await trader.trading.until(trader.trading.lane.reconciled.is_set)
        known = dict(trader.trading.lane.orders.account.markets)
        await rule(trader.trading, known=False, **rules)
        bare = await target_for_a_half(trader)
        assert sum(bare) < AN_INSTANT
        sent = await submissions(trader)
        bare.clear()
        for _ in range(10):
            trader.trading.pass_by(61)
            trader.trading.lane.know_markets(known)
            await looked_at(trader)
        assert (bare, await submissions(trader)) == ([], sent)
        assert trader.resting() == [(*STOP, HELD)]


@REASONS
async def test_what_a_refusal_has_taught_is_forgotten_when_the_rules_of_its_market_have_changed(at, rules):
    """What they allow now rests at once; a change in another market changes nothing."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await rule(trading, known=False, **rules)
        await target_for_a_half(trader)
        await loaded_again(trader)
        sent = await submissions(trader)
        trading.paper.markets.change(
            "binance", trading.paper.markets.pair("ETH/USDT"), filters={"MAX_NUM_ORDERS": {"maxNumOrders": 100}}
        )
        await loaded_again(trader)
        assert await submissions(trader) == sent
        await rule(
            trading, order_types=[*NO_MAKERS["order_types"], "LIMIT_MAKER"], filters={"MAX_NUM_ALGO_ORDERS": None}
        )
        half = HELD - HALF
        await trading.until(lambda: sorted(trader.resting()) == sorted([(*STOP, HALF), (*TARGET, HALF), (*STOP, half)]))


@pytest.mark.parametrize(
    ("rules", "tries"),
    [
        ({"filters": {"MARKET_LOT_SIZE": {"maxQty": "0.005"}}}, [1, 3, 7]),
        ({"order_types": NO_STOPS}, []),
    ],
    ids=["weighed before anything is taken off", "weighed after that"],
)  # fmt: skip
async def test_a_refused_form_is_tried_more_and_more_rarely_where_that_takes_no_stop_off(at, rules, tries):
    """After a minute, two, four: a filter is weighed first, and the stop at a limit stays where it is."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        assert await trader.alert("BuyMarket", PourCent="50") == EXECUTED
        await rule(trading, known=False, **rules)
        assert await trader.alert("MAJ", PrixSL="45000") == EXECUTED
        await trader.protected(HELD, AT_A_LIMIT)
        bare, sent, tried_at = trader.bare_for(), await submissions(trader), []
        for minute in range(1, 9):
            trading.pass_by(61)
            await looked_at(trader)
            if (now := await submissions(trader)) > sent:
                tried_at.append(minute)
            sent = now
        assert (tried_at, bare) == (tries, [])
        assert trader.resting() == [(*AT_A_LIMIT, HELD)]


# --- moves ---------------------------------------------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize("more", [{}, {"PrixTP": "52000"}], ids=["a stop", "a list"])
async def test_a_move_to_a_stop_that_no_order_can_rest_at_is_refused_and_what_rests_stays(at, able, more):
    """With the rule and its numbers."""
    async with at(able) as trader:
        trading = trader.trading
        await rule(trading, filters=NARROW, order_types=NO_STOPS)
        assert await trader.alert("BuyMarket", PourCent="50", PrixSL="48000", **more) == EXECUTED
        await trading.until(lambda: trader.position().protected == HELD)
        before = [order.id for order in trader.sells()]
        assert await trader.alert("MAJ", PrixSL="47500") == (WebhookStatus.FAILED, "cannot_rest")
        [refused] = await trading.read("Position.ProtectionRefused")
        assert "47262.5 is outside 0.95 to 1.1 times 50000" in refused.detail
        await trading.until(lambda: trader.position().wanted.stop_loss == Decimal(48000))
        await looked_at(trader)
        assert [order.id for order in trader.sells() if order.rests] == before
        assert trader.position().lost is None


@pytest.mark.parametrize("kind", ["learned", "known"])
async def test_a_price_that_is_refused_bars_no_other_price(at, kind):
    """The same stop at a limit that was out of reach may be moved to where it is not."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await rule(trading, order_types=NO_STOPS)
        assert await trader.alert("BuyMarket", PourCent="50", PrixSL="48000") == EXECUTED
        await trader.protected(HELD, ("stop_loss_limit", Decimal(48000)))
        await rule(trading, known=kind == "known", filters=NARROW)
        assert (await trader.alert("MAJ", PrixSL="47500"))[0] is WebhookStatus.FAILED
        assert await trader.alert("MAJ", PrixSL="49000") == EXECUTED
        await trader.protected(HELD, ("stop_loss_limit", Decimal(49000)))
