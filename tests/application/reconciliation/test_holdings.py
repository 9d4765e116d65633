"""The account has to hold what the positions hold. Less is reported, more is the owner's own business."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.reconciliation import Occasion, Resolution
from tests.application.trader import HELD, LISTS, STOP, TARGET


async def test_coins_that_left_the_account_are_told_of_once(at):
    """Coins count as missing after two looks, ten seconds apart: a change may still be on its way into the log.

    A dry run that shows the discrepancy does not keep the next run from reporting it.
    """
    async with at(LISTS) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        [account] = trading.paper.ledger.accounts.values()
        assert await trading.reconcile(Occasion.FULL) == []
        account.locked["BTC"] -= Decimal("0.002")
        assert await trading.reconcile(Occasion.FULL) == []
        trading.pass_by(10)
        for dry in (True, False):
            [one] = await trading.reconcile(Occasion.FULL, dry=dry)
            assert (one.symbol, one.order, one.resolution) == ("BTC", None, Resolution.DECIDE)
            assert [side.values for side in (one.ours, one.theirs)] == [
                {"amount": str(held), "currency": "BTC"} for held in (HELD, "0.00799")
            ]
        trading.pass_by(10)
        assert await trading.reconcile(Occasion.FULL) == []
        [again] = await trading.reconcile(Occasion.REQUEST)  # requested by a person
        assert (again.symbol, again.resolution) == ("BTC", Resolution.UNDECIDED)
        account.locked["BTC"] += Decimal("0.002")


@pytest.mark.parametrize("moved", ["0.5", "-0.000001"], ids=["more", "less than can be traded"])
async def test_what_is_more_or_next_to_nothing_is_not(at, moved):
    """Neither the account's other coins nor a shortfall too small to trade is a discrepancy."""
    async with at(LISTS) as trader:
        trading = trader.trading
        await trader.buy(STOP, TARGET)
        [account] = trading.paper.ledger.accounts.values()
        account.locked["BTC"] += Decimal(moved)
        assert [one.ours for one in await trading.reconcile_twice(Occasion.FULL)] == []
        account.locked["BTC"] -= Decimal(moved)
