"""A form that cannot rest is known from the rules or learned once. It does not cost the stop again and again."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from application.orders.agenda import Task
from domain.webhooks.webhook import WebhookStatus
from tests.application.protection.test_what_cannot_rest import AT_A_LIMIT, EXECUTED, NO_STOPS, rule
from tests.application.trader import BINANCE, HELD, LISTS, STOP, TARGET

HALF = Decimal("0.00499")
"""Half of the held quantity (base), rounded to the market's step."""
ONE_STOP = {"filters": {"MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": 1}}}
NO_MAKERS = {"order_types": ["LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"]}
NARROW = {"PERCENT_PRICE_BY_SIDE": {"askMultiplierUp": "1.1", "askMultiplierDown": "0.95"}}
AN_INSTANT = 1.0
"""The longest time (seconds) that a refused attempt may take on a busy machine."""
WAYS = pytest.mark.parametrize("able", [BINANCE, LISTS], ids=["in one call", "cancel and place"])
REASONS = pytest.mark.parametrize("rules", [ONE_STOP, NO_MAKERS], ids=["places for stops", "no orders that only rest"])


async def loaded_again(trader):
    """Load the rules again, as after a refusal, and let the lane act on them."""
    trading = trader.trading
    trading.lane.know_markets({market.symbol: market for market in await trading.client.markets()})
    await looked_at(trader)


async def looked_at(trader):
    """Let the lane look at the position once and at its price several times."""
    trader.trading.lane.agenda.put(Task.GUARD, trader.position().id)
    await asyncio.sleep(0.3)


async def target_for_a_half(trader):
    """Protect everything by a stop, then ask for a target for a half, and wait until it is watched.

    Returns the list of times (seconds) for which coins were without a stop.
    """
    assert await trader.alert("BuyMarket", PourCent="50", PrixSL="45000") == EXECUTED
    await trader.protected(HELD, STOP)
    bare = trader.bare_for()
    assert await trader.alert("MAJ", PourCent="50", PrixTP="60000") == EXECUTED
    await trader.trading.until(lambda: trader.position().target_watched and trader.position().protected == HELD)
    return bare


async def submissions(trader):
    """Return the number of orders that were sent."""
    return len(await trader.trading.read("Order.Submitted"))


@WAYS
@REASONS
async def test_a_list_that_the_rules_leave_no_place_for_is_never_tried(at, able, rules):
    """The stop stays on the book, and the target is watched instead."""
    async with at(able) as trader:
        await rule(trader.trading, **rules)
        bare = await target_for_a_half(trader)
        assert (trader.resting(), bare, await submissions(trader)) == ([(*STOP, HELD)], [], 2)


@WAYS
@REASONS
async def test_a_list_that_was_refused_takes_the_stop_off_once_while_the_rules_stay_the_same(at, able, rules):
    """The list is not tried again within the hour, however often the rules are loaded."""
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
    """A form that the new rules allow rests at once. A change in another market changes nothing."""
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
    """The attempts follow pauses of one, two and four minutes where a filter is weighed before anything is cancelled.

    Where it is weighed only after that, the stop at a limit stays where it is.
    """
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
            for _ in range(500):
                if (now := await submissions(trader)) > sent or minute not in tries:
                    break
                await asyncio.sleep(0.02)
            if now > sent:
                tried_at.append(minute)
            sent = now
        assert (tried_at, bare) == (tries, [])
        assert trader.resting() == [(*AT_A_LIMIT, HELD)]


# --- moves ---------------------------------------------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize("more", [{}, {"PrixTP": "52000"}], ids=["a stop", "a list"])
async def test_a_move_to_a_stop_that_no_order_can_rest_at_is_refused_and_what_rests_stays(at, able, more):
    """The refusal names the rule and its numbers."""
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
    """The stop at a limit can still be moved to a price that is within the band."""
    async with at(BINANCE) as trader:
        trading = trader.trading
        await rule(trading, order_types=NO_STOPS)
        assert await trader.alert("BuyMarket", PourCent="50", PrixSL="48000") == EXECUTED
        await trader.protected(HELD, ("stop_loss_limit", Decimal(48000)))
        await rule(trading, known=kind == "known", filters=NARROW)
        assert (await trader.alert("MAJ", PrixSL="47500"))[0] is WebhookStatus.FAILED
        assert await trader.alert("MAJ", PrixSL="49000") == EXECUTED
        await trader.protected(HELD, ("stop_loss_limit", Decimal(49000)))
