"""FAILS TODAY: a statement about an order of ours that can never be recorded fills the log with one run per poll."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from domain.order import Status
from domain.reconciliation import Occasion


def test_what_a_person_was_told_to_settle_is_not_written_down_by_every_poll(trading):
    """Made smaller than what is filled of it: awaited once, left to a person once, then silence."""

    async def story():
        async with trading() as desk:
            await desk.becomes(await desk.rest(), Status.OPEN)
            there = desk.on_exchange()[-1]
            desk.paper.ledger._trade(there, Decimal("0.006"), Decimal(40000), maker=True)
            await desk.compare()
            there.quantity = Decimal("0.0055")
            there.filled = Decimal("0.005")
            await desk.compare_twice(Occasion.POLL)
            told = len(await desk.read("Reconciliation.DiscrepancyFound"))
            for _ in range(5):
                desk.pass_by(10)
                await desk.compare(Occasion.POLL)
            assert len(await desk.read("Reconciliation.DiscrepancyFound")) == told

    asyncio.run(story())
