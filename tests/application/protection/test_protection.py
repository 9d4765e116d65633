"""The orders that should rest for a position, decided from facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from application.ports.statements import Capabilities
from application.protection.forms import Form, forms_of, wishes_of
from application.protection.target import Standing, Target, standing_of, wanted_of
from domain.aggregate import carrying
from domain.market import Market, PriceBand, too_small
from domain.orders.execution import Execution
from domain.orders.order import Order
from domain.orders.wish import Protection, Side, Source, TimeInForce, Type, Wish
from domain.people.broker import StopStyle
from domain.trading.position import Position

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MARKET = Market(
    "binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", True,
    price_tick=Decimal("0.01"), quantity_step=Decimal("0.00001"), minimum_notional=Decimal(5),
)  # fmt: skip
BOTH = Target(Decimal(1), Decimal(90), Decimal(120))


def position(held: str, protection: Protection | None, share: str = "100") -> Position:
    """Return a position bought at 100 with this protection, which covers this share in percent."""
    with carrying(user="1"):
        made = Position(1, 1, "BTC/USDT", "webhook")
        made.grow(Execution(UUID(int=1), "t1", Decimal(held), Decimal(100), Decimal(0), None, NOW))
        if protection is not None:
            made.want(protection, Decimal(share), UUID(int=2), awaited=())
    return made


@pytest.mark.parametrize(
    ("lists", "locks", "types"),
    [
        (True, True, [Type.STOP_LOSS, Type.LIMIT]),
        (False, False, [Type.STOP_LOSS, Type.LIMIT]),
        (False, True, [Type.STOP_LOSS]),
    ],
)
def test_what_rests_depends_on_what_the_exchange_can_do(lists, locks, types):
    """A list rests, or two single orders, or only the stop where it locks the coins."""
    able = Capabilities(lists=lists, locks=locks, trailing=True, amend_quantity=True, replace=True)
    wishes = wishes_of(BOTH, forms_of(BOTH, MARKET, able)[0], MARKET, "a-list")
    assert [wish.type for wish in wishes] == types
    assert {wish.list_id for wish in wishes} == {"a-list" if lists else None}
    assert [wish.time_in_force for wish in wishes[1:]] == [TimeInForce.PO if lists else TimeInForce.GTC] * len(
        wishes[1:]
    )
    for wish in wishes:
        wish.check()


@pytest.mark.parametrize(("stop", "take"), [(Decimal(90), None), (None, Decimal(120))])
def test_one_price_alone_is_one_order_everywhere(stop, take):
    """The capabilities of the exchange make no difference."""
    for lists in (True, False):
        able = Capabilities(lists=lists, locks=True, trailing=False, amend_quantity=False, replace=False)
        target = Target(Decimal(1), stop, take)
        [wish] = wishes_of(target, forms_of(target, MARKET, able)[0], MARKET, "a-list")
        assert (wish.stop_price, wish.price, wish.list_id) == (stop, take, None)


def test_the_target_is_what_is_covered_in_whole_steps():
    """Prices are on the tick and the quantity follows the covered share. Without a protection there is no target."""
    wanted = Protection(Decimal("90.004"), Decimal("120.006"))
    assert wanted_of(position("0.123456789", wanted), MARKET, []) == Target(
        Decimal("0.12345"), Decimal("90.00"), Decimal("120.01")
    )
    assert wanted_of(position("2", wanted, "50"), MARKET, []).quantity == 1
    assert wanted_of(position("2", None), MARKET, []) is None


def test_an_exit_takes_its_coins_from_the_stop_once_it_is_sent():
    """An exit that is not sent yet may wait for long or grow stale: its coins stay protected.

    An ended exit no longer sells.
    """
    held = position("1", Protection(Decimal(90)))
    wish = Wish("BTC/USDT", Side.SELL, Type.LIMIT, quantity=Decimal("0.4"), price=Decimal(150))
    with carrying(user="1"):
        leaving = Order.place(
            order_id=UUID(int=5), user=1, broker=1, wish=wish, source=Source.WEBHOOK, requester="somebody",
            client_order_id="ARISTO_5",
        )  # fmt: skip
        quantities = [wanted_of(held, MARKET, [leaving]).quantity]
        leaving.submit(UUID(int=7), now=NOW, valid_until=NOW, quantity=Decimal("0.4"), cost=None, price=Decimal(150))
        quantities.append(wanted_of(held, MARKET, [leaving]).quantity)
        leaving.cancel("user", "{}")
        quantities.append(wanted_of(held, MARKET, [leaving]).quantity)
    assert quantities == [Decimal(1), Decimal("0.6"), Decimal(1)]


def test_dust_is_not_protectable():
    """A quantity below the minimum notional at the stop's price, or below one step, cannot be protected."""
    assert too_small(Decimal("0.05"), Protection(Decimal(90)), MARKET) == "4.5 USDT is below the minimum of 5"
    assert too_small(Decimal("0.06"), Protection(Decimal(90)), MARKET) is None
    assert wanted_of(position("0.000001", Protection(Decimal(90))), MARKET, []) is None


def test_a_stop_at_a_limit_is_weighed_at_its_limit():
    """The exchange checks the notional at the limit, half a percent below the trigger."""
    quantity = Decimal(5) / 90
    assert too_small(quantity, Protection(Decimal(90)), MARKET, StopStyle.LIMIT) is not None


ABLE = Capabilities(lists=True, locks=True, trailing=True, amend_quantity=True, replace=True)
LISTED = Form(Type.STOP_LOSS, take=True, listed=True)
AT_A_LIMIT = Form(Type.STOP_LOSS_LIMIT)


@pytest.mark.parametrize(
    ("rules", "forms"),
    [
        ({}, [LISTED, Form(Type.STOP_LOSS_LIMIT, take=True, listed=True), Form(Type.STOP_LOSS), AT_A_LIMIT]),
        ({"lists": False}, [Form(Type.STOP_LOSS), AT_A_LIMIT]),
        ({"makers": False}, [Form(Type.STOP_LOSS), AT_A_LIMIT]),
        ({"most_orders": 1}, [Form(Type.STOP_LOSS), AT_A_LIMIT]),
        ({"sell_band": PriceBand(Decimal("0.8"), Decimal("1.1"))}, [Form(Type.STOP_LOSS), AT_A_LIMIT]),
        ({"order_types": (Type.MARKET, Type.STOP_LOSS_LIMIT)}, [AT_A_LIMIT]),
        ({"market_maximum_quantity": Decimal("0.4"), "lists": False}, [AT_A_LIMIT, Form(Type.STOP_LOSS, parts=3)]),
        (
            {"market_maximum_quantity": Decimal("0.4"), "maximum_quantity": Decimal("0.5"), "most_triggered": 3},
            [Form(Type.STOP_LOSS_LIMIT, parts=2)],
        ),
        ({"market_maximum_quantity": Decimal("0.1"), "order_types": (Type.STOP_LOSS,), "most_triggered": 5}, []),
    ],
    ids=[
        "all", "no lists", "no orders that only rest", "one order", "target too far", "stop at a limit only",
        "market lot", "both lots, few places", "none",
    ],
)  # fmt: skip
def test_what_cannot_rest_as_a_list_rests_as_a_stop(rules, forms):
    """The rules alone decide, before anything is sent: a list, a stop alone, a stop at a limit, or several of them."""
    market = replace(MARKET, **rules)
    assert forms_of(BOTH, market, ABLE, last=Decimal(100)) == forms


@pytest.mark.parametrize(("places", "listed"), [(1, False), (2, True)])
def test_a_list_beside_a_stop_needs_a_place_for_each(places, listed):
    """When the target covers only a part, the stop of the rest waits for its trigger beside the list."""
    part = replace(BOTH, at_target=BOTH.quantity / 2)
    assert forms_of(part, replace(MARKET, most_triggered=places), ABLE)[0].listed is listed


def test_a_stop_in_parts_covers_everything_and_no_part_is_above_the_market_lot():
    """The parts add up to the target's quantity exactly."""
    market = replace(MARKET, market_maximum_quantity=Decimal("0.00004"))
    target = Target(Decimal("0.00011"), Decimal(90_000), None)
    wishes = wishes_of(target, Form(Type.STOP_LOSS, parts=3), market)
    assert sum(wish.quantity for wish in wishes) == target.quantity
    assert max(wish.quantity for wish in wishes) <= market.market_maximum_quantity


@pytest.mark.parametrize(
    ("last", "standing"),
    [
        ("100", Standing.BETWEEN), ("90", Standing.BELOW_STOP), ("80", Standing.BELOW_STOP),
        ("120", Standing.ABOVE_TAKE_PROFIT),
    ],
)  # fmt: skip
def test_a_price_that_was_passed_is_seen(last, standing):
    """A trigger at a price that was passed would be refused or would sell at once."""
    assert standing_of(BOTH, Decimal(last)) is standing


def test_what_is_bought_while_a_move_is_asked_for_stays_covered_when_that_is_refused():
    """The earlier prices apply again, to the quantity that is held now."""
    held = position("1", Protection(Decimal(90)))
    with carrying(user="1"):
        held.rest([UUID(int=9)], Decimal(1))
        held.want(Protection(Decimal(110)), Decimal(100), UUID(int=3), awaited=())
        held.grow(Execution(UUID(int=4), "t2", Decimal(2), Decimal(100), Decimal(0), None, NOW))
        held.refuse_protection("market_below_stop")
    assert wanted_of(held, MARKET, []) == Target(Decimal(3), Decimal(90), None)
