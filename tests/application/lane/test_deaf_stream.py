"""Deaf streams: connected, but reporting nothing. An overdue report gives one away, and it is connected again."""

from __future__ import annotations

import asyncio

import pytest

from adapters.paper.faults import Fault
from application.lane import lane
from application.orders import hearing
from domain.orders.order_status import Status

pytestmark = pytest.mark.exchanges("binance", "bitget")


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Shorten the time in which a stream has to report, and the pause before it is connected again."""
    monkeypatch.setattr(hearing, "HEARD_WITHIN", 0.3)
    monkeypatch.setattr(lane, "FIRST_PAUSE", 0.05)


def deafen(trading):
    """Keep the connection up, but report nothing on it."""
    trading.paper.faults.add(Fault("stream", "deaf_stream", seconds=3600))


async def test_a_stream_that_owes_an_answer_is_deaf(open_trading):
    """The stream does not report an accepted order: it is connected again, and deaf until it reports something."""
    async with open_trading() as trading:
        await trading.listening()
        deafen(trading)
        await trading.becomes(await trading.rest(), Status.OPEN)
        await trading.until(lambda: trading.lane.deaf)
        await trading.until(lambda: "stream_ended" in trading.log.said)
        await trading.until(lambda: trading.lane.streaming)
        assert trading.lane.deaf
        trading.paper.faults.pending.clear()
        await trading.becomes(await trading.rest(price="41000"), Status.OPEN)
        await trading.until(lambda: not trading.lane.deaf)


async def test_a_fill_that_only_a_question_tells_is_owed_too(open_trading):
    """The stream reported the order but not its execution, so it counts as deaf."""
    async with open_trading() as trading:
        await trading.listening()
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        await trading.until(lambda: trading.client.heard[order.client_order_id])
        deafen(trading)
        trading.hold("BTC/USDT", "39000")
        await trading.reconcile()
        await trading.becomes(order.id, Status.CLOSED)
        await trading.until(lambda: trading.lane.deaf)


async def test_a_stream_is_not_deaf_while_what_it_tells_is_being_recorded(open_trading, monkeypatch):
    """Recording takes longer than a stream has to report. The books are slow, but the stream is well."""
    async with open_trading() as trading:
        await trading.listening()
        slow = trading.lane.orders.hear

        async def hear(report):
            await asyncio.sleep(0.7)
            return await slow(report)

        monkeypatch.setattr(trading.lane.orders, "hear", hear)
        orders = [await trading.becomes(await trading.rest("0.005", str(40000 + n)), Status.OPEN) for n in range(3)]
        for order in orders:
            await trading.until(lambda order=order: trading.client.heard[order.client_order_id])
        assert not trading.lane.deaf
        assert "stream_ended" not in trading.log.said


async def test_what_happened_before_it_stood_is_not_owed(open_trading):
    """Reconciliation finds the earlier fill, which the new connection never reports."""
    async with open_trading() as trading:
        order = await trading.becomes(await trading.rest(), Status.OPEN)
        trading.hold("BTC/USDT", "39000")
        trading.pass_by(60)
        await trading.listening()
        await trading.becomes(order.id, Status.CLOSED)
        await asyncio.sleep(0.6)
        assert not trading.lane.deaf
