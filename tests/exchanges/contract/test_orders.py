"""The life of an order in the platform's words, the same at every exchange."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from application.ports.errors import NoAnswer, NotAccepted, OrderNotFound, RefusedByExchange
from application.ports.statements import ExchangeId
from domain.orders.order_status import Status
from domain.orders.wish import Side, Terms, TimeInForce, Type
from tests.exchanges.contract.conftest import MISSES


async def test_a_market_buy_by_its_cost_fills_with_its_fee(desk):
    """The fee of a buy is taken from the coins, and is never negative here."""
    async with desk(USDT="10000") as one:
        report = await one.buy("bought")
        balances = await one.client.balances(one.keys)
        [fill] = await one.client.fills_of(one.keys, one.market, report.exchange_order_id)
    assert (report.state, report.filled, report.cost, report.quantity) == (
        Status.CLOSED, Decimal("0.01"), Decimal(500), Decimal("0.01"),
    )  # fmt: skip
    assert (fill.quantity, fill.price, fill.fee, fill.fee_currency, fill.maker) == (
        Decimal("0.01"), Decimal(50000), Decimal("0.00001"), "BTC", False,
    )  # fmt: skip
    assert (balances["BTC"].free, balances["USDT"].free) == (Decimal("0.00999"), Decimal(9500))


async def test_a_market_sale_by_its_quantity(desk):
    async with desk(BTC="1") as one:
        report = await one.place("sold", side=Side.SELL, type=Type.MARKET)
        balances = await one.client.balances(one.keys)
    assert (report.state, report.side, report.filled) == (Status.CLOSED, Side.SELL, Decimal("0.01"))
    assert (balances["USDT"].free, balances["BTC"].free) == (Decimal("499.5"), Decimal("0.99"))


async def test_a_limit_order_rests_locks_is_found_by_both_names_and_is_cancelled(desk):
    async with desk(USDT="1000") as one:
        placed = await one.place("mine")
        locked = (await one.client.balances(one.keys))["USDT"].locked
        by_name = await one.client.query(one.keys, one.market, "mine")
        by_id = await one.client.query(one.keys, one.market, ExchangeId(placed.exchange_order_id))
        resting = await one.client.open_orders(one.keys, one.market)
        everywhere = await one.client.open_orders(one.keys)
        cancelled = await one.client.cancel(one.keys, one.market, "mine")
        gone = await one.client.open_orders(one.keys, one.market)
    assert {report.state for report in (placed, by_name, by_id, *resting, *everywhere)} == {Status.OPEN}
    assert {report.exchange_order_id for report in (by_name, by_id, *resting)} == {placed.exchange_order_id}
    assert {(report.price, report.quantity, report.filled) for report in (by_name, *resting)} == {
        (Decimal(40000), Decimal("0.01"), Decimal(0))
    }
    assert (locked, cancelled.state, cancelled.client_order_id, gone) == (Decimal(400), Status.CANCELLED, "mine", [])


@pytest.mark.parametrize("word", [TimeInForce.IOC, TimeInForce.FOK])
async def test_an_order_that_may_not_rest_and_finds_nobody_ends_unfilled(desk, exchange, word):
    async with desk() as one:
        await one.place("missed", time_in_force=word)
        report = await one.client.query(one.keys, one.market, "missed")
    assert (report.state, report.filled) == (MISSES[exchange], Decimal(0))


async def test_a_post_only_order_rests_or_comes_to_nothing(desk, exchange):
    """Binance refuses one that would take; Bitget takes it, and cancels it at once."""
    async with desk() as one:
        rests = await one.place("rests", time_in_force=TimeInForce.PO)
        try:
            state = (await one.place("takes", price=Decimal(51000), time_in_force=TimeInForce.PO)).state
        except RefusedByExchange as refused:
            state = refused.code
        balances = await one.client.balances(one.keys)
    assert (rests.state, state) == (Status.OPEN, {"binance": "would_take", "bitget": Status.CANCELLED}[exchange])
    assert balances["BTC"].free == 1


async def test_an_order_that_is_filled_in_part_says_so(desk):
    async with desk() as one:
        await one.fault("place_order", "partial_fill")
        await one.place("part", price=Decimal(50000), quantity=Decimal("0.02"))
        [resting] = await one.client.open_orders(one.keys, one.market)
        fills = await one.client.fills_of(one.keys, one.market, resting.exchange_order_id)
    assert (resting.state, resting.filled, resting.quantity, resting.price) == (
        Status.OPEN, Decimal("0.01"), Decimal("0.02"), Decimal(50000),
    )  # fmt: skip
    assert [fill.quantity for fill in fills] == [Decimal("0.01")]


async def test_all_orders_since_a_moment_are_told_whatever_became_of_them(desk):
    """From every page, open ones and ended ones, and none from before."""
    async with desk() as one:
        await one.place("old")
        await one.client.cancel(one.keys, one.market, "old")
        [old] = one.paper.orders()
        old.at -= 3_600_000
        since = datetime.now(UTC) - timedelta(minutes=5)
        await one.place("open")
        await one.buy("bought", "100")
        found = await one.client.orders_since(one.keys, one.market, since)
    assert [(report.client_order_id, report.state) for report in found] == [
        ("open", Status.OPEN), ("bought", Status.CLOSED),
    ]  # fmt: skip


async def test_the_same_client_id_twice_makes_one_order(desk):
    async with desk() as one:
        await one.place("once")
        with pytest.raises(RefusedByExchange) as refused:
            await one.place("once")
        resting = await one.client.open_orders(one.keys, one.market)
    assert (refused.value.code, len(resting)) == ("client_order_id_taken", 1)


async def test_the_private_stream_tells_an_order_from_its_birth_to_its_end(desk):
    async with desk() as one:
        stream = one.client.reports(one.keys)
        assert await anext(stream) is None  # subscribed: nothing is missed from here on
        await one.place("heard")
        await one.hold("39000")
        heard = [await asyncio.wait_for(anext(stream), 20)]
        while heard[-1].state is not Status.CLOSED:
            heard.append(await asyncio.wait_for(anext(stream), 20))
        await stream.aclose()
    assert {(report.client_order_id, report.native_symbol) for report in heard} == {("heard", "BTCUSDT")}
    assert (heard[0].state, heard[-1].filled, heard[-1].price) == (Status.OPEN, Decimal("0.01"), Decimal(40000))
    [fill] = heard[-1].fills
    assert (fill.quantity, fill.price, fill.fee, fill.fee_currency, fill.maker) == (
        Decimal("0.01"), Decimal(40000), Decimal("0.00001"), "BTC", True,
    )  # fmt: skip


@pytest.mark.parametrize("streaming", [False, True])
async def test_what_trades_at_once_is_told_at_once_or_by_the_stream_that_stands(desk, streaming):
    """No stream stands: the placement itself tells it."""
    async with desk() as one:
        stream = one.client.reports(one.keys)
        if streaming:
            assert await anext(stream) is None
        heard = [await one.place("crossing", price=Decimal(51000))]
        while streaming and heard[-1].state is not Status.CLOSED:
            heard.append(await asyncio.wait_for(anext(stream), 20))
        await stream.aclose()
        if streaming:
            heard.append(await one.place("after", price=Decimal(51000)))
    assert (heard[-1].state, heard[-1].filled) == (Status.CLOSED, Decimal("0.01"))


async def test_a_report_keeps_the_whole_answer(desk):
    """Nothing of it is dropped: it can be read again as it came."""
    async with desk() as one:
        await one.buy("bought")
        report = await one.client.query(one.keys, one.market, "bought")
        fills = await one.client.fills_of(one.keys, one.market, report.exchange_order_id)
    raw = json.loads(report.raw)
    assert str(raw["orderId"]) == report.exchange_order_id
    assert raw["symbol"] == report.native_symbol
    assert [str(json.loads(fill.raw)["orderId"]) for fill in fills] == [report.exchange_order_id]


# --- errors ----------------------------------------------------------------------------------------------------------


async def test_an_order_that_does_not_exist_is_not_found(desk):
    async with desk() as one:
        for name in ("nobody", ExchangeId("1")):
            with pytest.raises(OrderNotFound):
                await one.client.query(one.keys, one.market, name)
            with pytest.raises(OrderNotFound):
                await one.client.cancel(one.keys, one.market, name)


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"quantity": Decimal(1)}, {"insufficient_funds"}),
        ({"quantity": Decimal("0.00001")}, {"notional_refused"}),
        ({"price": Decimal("40000.001")}, {"filter_failed", "precision_refused"}),
    ],
)
async def test_a_definite_refusal_names_its_reason(desk, changed, codes):
    async with desk(USDT="1000") as one:
        with pytest.raises(RefusedByExchange) as refused:
            await one.place("refused", **changed)
        assert await one.client.open_orders(one.keys, one.market) == []
    assert refused.value.code in codes
    assert refused.value.raw


async def test_a_market_that_is_closed_takes_no_order(desk):
    async with desk() as one:
        await one.rules(status="HALT")
        with pytest.raises(RefusedByExchange) as refused:
            await one.place("closed")
        [market] = [market for market in await one.client.markets() if market.symbol == "BTC/USDT"]
    assert (refused.value.code, market.active) == ("market_closed", False)


@pytest.mark.parametrize("field", ["key", "secret"])
async def test_keys_that_are_wrong_are_refused(desk, field):
    async with desk() as one:
        wrong = {"key": one.keys.key, "secret": one.keys.secret, "passphrase": one.keys.passphrase, field: "wrong"}
        one.keys = type(one.keys)(**wrong)
        with pytest.raises(RefusedByExchange) as refused:
            await one.client.balances(one.keys)
    assert refused.value.code in {"key_refused", "signature_refused"}


@pytest.mark.parametrize("kind", ["lose_answer", "lose_request", "status_500", "garbage"])
async def test_silence_is_no_answer_and_proves_nothing(desk, kind):
    """Whether the order is there is told by its name alone."""
    async with desk() as one:
        await one.fault("place_order", kind)
        with pytest.raises(NoAnswer):
            await one.place("doubted")
        try:
            there = (await one.client.query(one.keys, one.market, "doubted")).state
        except OrderNotFound:
            there = None
    assert there is (Status.OPEN if kind in {"lose_answer", "garbage"} else None)


@pytest.mark.parametrize("kind", ["status_429", "clock_refused"])
async def test_what_was_not_carried_out_may_be_tried_again(desk, kind):
    async with desk() as one:
        await one.fault("place_order", kind)
        with pytest.raises(NotAccepted):
            await one.place("again")
    async with desk() as one:
        assert (await one.place("again")).state is Status.OPEN


async def test_a_question_whose_timestamp_is_refused_is_asked_again_by_the_right_clock(desk):
    async with desk() as one:
        await one.fault("query", "clock_refused")
        assert (await one.client.balances(one.keys))["USDT"].free == 10000


async def test_a_connection_that_breaks_is_told(desk):
    async with desk() as one:
        stream = one.client.reports(one.keys)
        assert await anext(stream) is None
        await one.fault("stream", "drop_stream")
        await one.place("cut")
        with pytest.raises(NoAnswer):
            await asyncio.wait_for(_to_its_end(stream), 20)


async def _to_its_end(stream):
    async for _ in stream:
        pass


EXTRAS = {"binance": {"strategyType": "9"}, "bitget": {"presetStopLossPrice": "40000"}}
"""A parameter of its own, by exchange, that the paper exchange refuses."""


async def test_a_parameter_of_its_own_reaches_the_exchange(desk):
    """The exchange alone judges it. What it refuses leaves nothing behind."""
    async with desk() as one:
        with pytest.raises(RefusedByExchange) as refused:
            await one.place("mine", terms=Terms(extra=EXTRAS[one.exchange]))
        resting = await one.client.open_orders(one.keys, one.market)
    assert refused.value.raw
    assert resting == []
