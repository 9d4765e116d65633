"""The recorded cover of a position is what really rests: while it grows, and when no stop could be put back."""

from __future__ import annotations

import pytest

from adapters.paper.faults import Fault
from domain.orders.order import PROTECTION
from domain.protection.level import Level
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import BINANCE, HELD, LISTS, STOP, TARGET, alarms

EXECUTED = (WebhookStatus.EXECUTED, None)
DISABLED = {"code": -2010, "message": "This action is disabled on this account."}
ENDS = frozenset({"Order.Cancelled", "Order.Expired", "Order.Closed", "Order.Rejected"})


def told(trader):
    """Return a row for each event of the position: event, level, protected quantity, and legs that rested by then.

    The events are in the order of the log. A leg rests as far as the log knows.
    """
    position, legs, resting, said = None, set(), set(), []
    for recorded in trader.store.read(0):
        event = recorded.event
        if recorded.topic == "Order.Placed" and event.requester == PROTECTION:
            legs.add(event.originator_id)
        elif recorded.topic == "Order.Accepted" and event.originator_id in legs:
            resting.add(event.originator_id)
        elif recorded.topic in ENDS:
            resting.discard(event.originator_id)
        elif recorded.topic.startswith("Position."):
            position = event.mutate(position)
            said.append((recorded.topic.partition(".")[2], position.level, position.protected, len(resting)))
    return said


def once_off(trader, times, kind="refuse", **said):
    """Make the exchange refuse this many new orders, beginning as soon as a resting sell is cancelled."""
    ledger = trader.trading.paper.ledger

    def refuse(_, order, __):
        if order.side == "sell" and order.status == "cancelled":
            ledger.listeners.remove(refuse)
            trader.trading.paper.faults.add(Fault("place_order", kind, times=times, **said))

    ledger.listeners.append(refuse)


@pytest.mark.parametrize("able", [BINANCE, LISTS])
async def test_what_was_bought_last_is_covered_in_part_until_its_stop_has_grown(at, able):
    """The position is partly covered, with the covered quantity, from the commit of the fill on. No alert is raised."""
    async with at(able) as trader:
        await trader.buy(STOP, TARGET)
        await trader.alert("BuyMarket", PourCent="50", PrixSL="45000", PrixTP="60000")
        await trader.trading.until(lambda: trader.position().held > HELD)
        held = trader.trading.markets["BTC/USDT"].round_quantity(trader.position().held)
        await trader.protected(held, STOP, TARGET)
        said = [(level, protected) for kind, level, protected, _ in told(trader) if kind != "Opened"]
        grown = said.index((Level.PARTLY_COVERED, HELD))
        assert (Level.COVERED, HELD) not in said[grown:]
        assert said[-1] == (Level.COVERED, held)
        assert await alarms(trader.trading) == []


async def test_a_position_whose_old_stop_could_not_be_put_back_is_not_covered(at):
    """The move is refused and so is the old stop: nothing rests until the exchange takes the old stop after all."""
    async with at(LISTS) as trader:
        await trader.buy(STOP, TARGET)
        once_off(trader, times=3, **DISABLED)
        status, reason = await trader.alert("MAJ", PrixSL="46000", PrixTP="61000")
        assert (status, reason) == (WebhookStatus.FAILED, "protection_refused")
        await trader.protected(HELD, STOP, TARGET)
        assert [(kind, level) for kind, level, _, rest in told(trader) if level is Level.COVERED and not rest] == []
        assert "ProtectionTakenOff" in [kind for kind, *_ in told(trader)]


@pytest.mark.parametrize(
    "fault", [{"times": 3, **DISABLED}, {"times": 1, "kind": "clock_refused"}], ids=["no", "not yet"]
)
async def test_a_growth_whose_stop_could_not_be_put_back_is_not_covered(at, fault):
    """Without a move, the exchange takes neither the larger stop nor the old one, or not yet."""
    async with at(LISTS) as trader:
        await trader.buy(STOP, TARGET)
        once_off(trader, **fault)
        assert await trader.alert("BuyMarket", PourCent="50", PrixSL="45000", PrixTP="60000") == EXECUTED
        await trader.trading.until(lambda: trader.position().held > HELD)
        held = trader.trading.markets["BTC/USDT"].round_quantity(trader.position().held)
        await trader.protected(held, STOP, TARGET)
        covered = {Level.COVERED, Level.PARTLY_COVERED}
        assert "ProtectionTakenOff" in [kind for kind, *_ in told(trader)]
        assert [(kind, level) for kind, level, _, rest in told(trader) if level in covered and not rest] == []
