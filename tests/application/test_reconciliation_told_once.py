"""What nobody but a person can settle is written down once, and again only for a person who asks."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from domain.order import Status
from domain.reconciliation import LEFT_TO_A_PERSON, Occasion, Resolution


async def made_impossible(desk):
    """An order of ours is made smaller there than what is filled of it."""
    await desk.becomes(await desk.rest(), Status.OPEN)
    there = desk.on_exchange()[-1]
    desk.paper.ledger._trade(there, Decimal("0.006"), Decimal(40000), maker=True)
    await desk.compare()
    there.quantity = Decimal("0.0055")
    there.filled = Decimal("0.005")


async def of_no_market(desk):
    """An order made elsewhere, in a market that nobody here knows."""
    await desk.elsewhere("web_1", "ETH/USDT", price=Decimal(2000), quantity=Decimal("0.1"))
    del desk.markets["ETH/USDT"]


@pytest.mark.parametrize("happens", [made_impossible, of_no_market])
def test_what_a_person_was_told_to_settle_is_not_written_down_by_every_comparison(trading, happens):
    """Once, then silence; a person who asks hears of it each time, and nobody is alarmed again."""

    async def story():
        async with trading() as desk:
            await happens(desk)
            found = [*await desk.compare(Occasion.SWEEP), *await desk.compare_twice(Occasion.SWEEP)]
            assert [one.resolution for one in found if one.resolution in LEFT_TO_A_PERSON] == [Resolution.DECIDE]
            told = len(await desk.read("Reconciliation.DiscrepancyFound"))
            for occasion in (Occasion.POLL, Occasion.SWEEP, Occasion.RECONNECTION):
                desk.pass_by(10)
                await desk.compare(occasion)
            assert len(await desk.read("Reconciliation.DiscrepancyFound")) == told
            for dry in (True, False, True):
                [again] = await desk.compare(Occasion.REQUEST, dry=dry)
                assert again.resolution is Resolution.UNDECIDED

    asyncio.run(story())
