"""A private stream that stands and tells nothing is found out by what it owes, told of, and connected again."""

from __future__ import annotations

import asyncio

import pytest

from adapters.paper.faults import Fault
from application import hearing, lane
from domain.order import Status


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """A stream has to tell at once, and is connected again at once."""
    monkeypatch.setattr(hearing, "HEARD_WITHIN", 0.3)
    monkeypatch.setattr(lane, "FIRST_PAUSE", 0.05)


def deafen(desk):
    """The connection stands, and nothing that happens is told on it."""
    desk.paper.faults.add(Fault("stream", "deaf_stream", seconds=3600))


def test_a_stream_that_owes_an_answer_is_deaf(trading):
    """An accepted order of which it has not told: it is connected again, and deaf until one tells something."""

    async def story():
        async with trading() as desk:
            await desk.listening()
            deafen(desk)
            await desk.becomes(await desk.rest(), Status.OPEN)
            await desk.until(lambda: desk.lane.deaf)
            await desk.until(lambda: "stream_ended" in desk.log.said)
            await desk.until(lambda: desk.lane.streaming)
            assert desk.lane.deaf
            desk.paper.faults.pending.clear()
            await desk.becomes(await desk.rest(price="41000"), Status.OPEN)
            await desk.until(lambda: not desk.lane.deaf)

    asyncio.run(story())


def test_a_fill_that_only_a_question_tells_is_owed_too(trading):
    """The order was told of; its execution was not."""

    async def story():
        async with trading() as desk:
            await desk.listening()
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            await desk.until(lambda: desk.client.heard[order.client_order_id])
            deafen(desk)
            desk.hold("BTC/USDT", "39000")
            await desk.compare()
            await desk.becomes(order.id, Status.CLOSED)
            await desk.until(lambda: desk.lane.deaf)

    asyncio.run(story())


def test_a_stream_is_not_deaf_while_what_it_tells_is_being_recorded(trading, monkeypatch):
    """However long that takes: the books are slow then, and the stream is well."""

    async def story():
        async with trading() as desk:
            await desk.listening()
            slow = desk.lane._desk.hear

            async def hear(report):
                await asyncio.sleep(0.7)
                return await slow(report)

            monkeypatch.setattr(desk.lane._desk, "hear", hear)
            orders = [await desk.becomes(await desk.rest("0.005", str(40000 + n)), Status.OPEN) for n in range(3)]
            for order in orders:
                await desk.until(lambda order=order: desk.client.heard[order.client_order_id])
            assert not desk.lane.deaf
            assert "stream_ended" not in desk.log.said

    asyncio.run(story())


def test_what_happened_before_it_stood_is_not_owed(trading):
    """A comparison finds it, and the new connection never tells of it."""

    async def story():
        async with trading() as desk:
            order = await desk.becomes(await desk.rest(), Status.OPEN)
            desk.hold("BTC/USDT", "39000")
            desk.pass_by(1)
            await desk.listening()
            await desk.becomes(order.id, Status.CLOSED)
            await asyncio.sleep(0.6)
            assert not desk.lane.deaf

    asyncio.run(story())
