"""An order: the events of each attempt, what explains it, and what no longer changes it."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side, Source, Type, Wish
from domain.refusals import Impossible, Invalid
from tests.laws.test_order_laws import NOW, PRICE, QUANTITY, SENDER, adopted, fill, placed, sent, submit

pytestmark = pytest.mark.usefixtures("by_the_user")

HALF, ZERO, OTHER = QUANTITY / 2, Decimal(0), UUID(int=8)


def sized_by_cost() -> Order:
    """Return a market buy for a cost of 100 that was sent."""
    order = placed()
    order.wish = Wish("BTC/USDT", Side.BUY, Type.MARKET, cost=Decimal(100))
    order.submit(SENDER, now=NOW, valid_until=NOW, quantity=None, cost=Decimal(100), price=None)
    return order


def said_last(order: Order, kind: str):
    """Return the last event of a kind."""
    return [event for event in order.pending_events if type(event).__name__ == kind][-1]


# --- sending ---------------------------------------------------------------------------------------------------------


def test_each_attempt_has_its_number_and_tells_why_it_may_be_made():
    order = placed()
    submit(order)
    assert (order.attempt, said_last(order, "Submitted").proof) == (1, "")
    order.defer("too_many_orders", "429")
    submit(order)
    assert (order.attempt, said_last(order, "Submitted").proof, order.deferred) == (2, "too_many_orders", None)


def test_a_sale_of_coins_that_are_locked_asks_first_and_names_what_it_takes_off():
    order = placed()
    assert not order.asks_first
    sizes = {"quantity": QUANTITY, "cost": None, "price": PRICE}
    order.submit(SENDER, now=NOW, valid_until=NOW, **sizes, takes_off=[OTHER], asks_first=True)
    assert (order.asks_first, said_last(order, "Submitted").takes_off) == (True, [OTHER])
    order.defer("coins_locked", "-2010")
    submit(order)
    assert (order.asks_first, said_last(order, "Submitted").takes_off) == (False, None)


@pytest.mark.parametrize(("quantity", "cost"), [(QUANTITY, QUANTITY), (None, None)], ids=["both", "neither"])
def test_what_is_sent_has_either_a_quantity_or_a_cost(quantity, cost):
    with pytest.raises(Invalid) as refused:
        placed().submit(SENDER, now=NOW, valid_until=NOW, quantity=quantity, cost=cost, price=None)
    assert refused.value.code == "size_ambiguous"


def test_nothing_is_not_sent_and_little_is():
    with pytest.raises(Invalid) as refused:
        submit(placed(), ZERO)
    assert (refused.value.code, refused.value.field) == ("not_positive", "quantity")
    order = placed()
    submit(order, Decimal("0.5"))
    assert order.quantity == Decimal("0.5")


# --- absence ---------------------------------------------------------------------------------------------------------


def test_an_order_that_never_arrived_is_rejected():
    order = sent()
    order.prove_absent("not_found", "[]")
    assert order.status is Status.REJECTED


@pytest.mark.parametrize(
    "shown",
    [
        lambda o: o.accept("x-1", "{}"),
        lambda o: fill(o, "t1", HALF),
        lambda o: (o.accept("x-1", "{}"), fill(o, "t1", HALF)),
    ],
    ids=["accepted", "filled", "both"],
)
def test_what_the_exchange_has_shown_outweighs_the_proof_that_it_is_not_there(shown):
    order = sent()
    shown(order)
    order.prove_absent("not_found", "[]")
    assert order.status is Status.OPEN


def test_an_order_that_has_not_left_is_not_absent():
    order = placed()
    order.prove_absent("not_found", "[]")
    assert order.status is Status.PLACED


# --- ends ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "end", "status", "reason"),
    [
        (placed, lambda o: o.refuse("stale", "a minute old"), Status.REFUSED, "stale"),
        (sent, lambda o: o.reject("no", "{}"), Status.REJECTED, "no"),
        (sent, lambda o: o.cancel("user", "{}"), Status.CANCELLED, "user"),
        (sent, lambda o: o.expire("IOC", "{}"), Status.EXPIRED, "IOC"),
        (sent, lambda o: o.close("{}"), Status.CLOSED, None),
        (sent, lambda o: o.doubt("silence"), Status.UNKNOWN, "silence"),
    ],
)
def test_an_order_ends_once_and_for_its_reason(order, end, status, reason):
    """A doubt is recorded once as well."""
    ended = order()
    before = ended.version
    end(ended)
    end(ended)
    assert (ended.status, ended.reason, ended.version) == (status, reason, before + 1)


def test_a_cancel_is_asked_for_once():
    order = placed()
    order.request_cancel("user")
    order.request_cancel("user")
    assert [type(event).__name__ for event in order.pending_events] == ["Placed", "CancelRequested"]


# --- executions ------------------------------------------------------------------------------------------------------


def test_coins_may_cost_nothing_and_bear_no_fee():
    order = sent()
    fill(order, "t1", HALF, price=ZERO, fee=ZERO)
    order.progress(QUANTITY, ZERO, "{}")
    assert order.filled == QUANTITY


@pytest.mark.parametrize(
    "amounts", [(-HALF, PRICE, ZERO), (HALF, -PRICE, ZERO), (HALF, PRICE, -PRICE), (ZERO, PRICE, ZERO)]
)
def test_no_part_of_an_execution_is_below_zero(amounts):
    order, (quantity, price, fee) = sent(), amounts
    with pytest.raises(Invalid) as refused:
        fill(order, "t1", quantity, price, fee)
    assert (refused.value.code, order.filled) == ("fill_contradicts", ZERO)


def test_progress_ends_with_the_quantity_and_costs_nothing_negative():
    order = sent()
    for quantity, cost in ((QUANTITY + 1, PRICE), (HALF, -PRICE)):
        with pytest.raises(Invalid) as refused:
            order.progress(quantity, cost, "{}")
        assert refused.value.code == "fill_contradicts"
    order.progress(QUANTITY, PRICE, "{}")
    assert (order.remaining, order.status) == (ZERO, Status.OPEN)


def test_an_ended_order_that_is_filled_late_has_ended_as_it_had():
    order = sent()
    order.cancel("user", "{}")
    fill(order, "t1", QUANTITY)
    assert (order.status, order.remaining) == (Status.CANCELLED, ZERO)


def test_an_ended_order_that_is_cut_down_to_what_is_filled_has_ended_as_it_had():
    order = sent()
    fill(order, "t1", HALF)
    order.cancel("user", "{}")
    order.amend("x-2", HALF, None, "{}")
    assert (order.status, order.remaining) == (Status.CANCELLED, ZERO)


@pytest.mark.parametrize(
    ("said", "is_unexplained"),
    [
        ((), False),
        ((lambda o: fill(o, "t1", HALF),), False),
        ((lambda o: o.progress(HALF, PRICE, "{}"),), True),
        ((lambda o: fill(o, "t1", HALF), lambda o: o.close("{}")), True),
        ((lambda o: fill(o, "t1", QUANTITY),), False),
    ],
    ids=["nothing", "fills", "a bare total", "closed too early", "closed"],
)
def test_an_order_is_unexplained_until_its_fills_account_for_what_it_executed(said, is_unexplained):
    order = sent()
    for one in said:
        one(order)
    assert order.is_unexplained is is_unexplained


def test_a_closed_order_that_was_sized_by_its_cost_is_explained_by_any_fill():
    order = sized_by_cost()
    assert (order.is_unexplained, order.remaining) == (False, None)
    order.close("{}")
    assert order.is_unexplained
    fill(order, "t1", HALF)
    order.progress(HALF, PRICE, "{}")
    assert not order.is_unexplained


# --- a person's word, and changes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "reason", "code"),
    [(Status.PLACED, "seen", "outcome_unknown"), (Status.CANCELLED, " ", "reason_missing")],
)
def test_a_doubt_ends_with_a_state_that_an_exchange_knows_and_for_a_reason(outcome, reason, code):
    order = sent()
    with pytest.raises(Invalid) as refused:
        order.resolve(1, outcome, reason)
    assert (refused.value.code, order.status) == (code, Status.SUBMITTED)
    order.resolve(1, Status.CANCELLED, "seen")
    assert (order.status, order.reason) == (Status.CANCELLED, "seen")


def test_an_open_order_needs_no_word_that_it_is_open():
    order = sent()
    order.accept("x-1", "{}")
    before = order.version
    order.resolve(1, Status.OPEN, "")
    assert order.version == before


def test_a_corrected_order_can_be_cancelled_and_amended_again():
    order = sent()
    order.request_cancel("user")
    order.cancel("user", "{}")
    order.correct(Status.CANCELLED, Status.OPEN, "{}")
    assert (order.cancel_requested, order.amendment) == (False, None)


def test_an_amendment_keeps_what_it_does_not_name_and_brings_new_ids():
    order = sent()
    order.accept("x-1", "{}")
    order.request_amend("c-2", HALF, None, NOW)
    order.amend("x-2", HALF, None, "{}")
    assert (order.quantity, order.price) == (HALF, PRICE)
    assert (order.client_order_ids, order.exchange_order_ids) == (["c-1", "c-2"], ["x-1", "x-2"])
    assert (order.client_order_id, order.exchange_order_id) == ("c-2", "x-2")
    order.amend("x-2", None, PRICE * 2, "{}")
    assert (order.quantity, order.price, order.exchange_order_ids) == (HALF, PRICE * 2, ["x-1", "x-2"])


@pytest.mark.parametrize(("quantity", "price"), [(None, None), (QUANTITY, None), (None, PRICE), (QUANTITY, PRICE)])
def test_a_change_from_outside_that_changes_nothing_is_none(quantity, price):
    order = sent()
    order.accept("x-1", "{}")
    before = order.version
    order.amend("x-2", quantity, price, "{}")
    assert order.version == before


@pytest.mark.parametrize(("quantity", "price"), [(HALF, PRICE), (QUANTITY, PRICE * 2)])
def test_a_change_from_outside_may_change_one_of_two(quantity, price):
    order = sent()
    order.accept("x-1", "{}")
    order.amend("x-2", quantity, price, "{}")
    assert (order.quantity, order.price) == (quantity, price)


def test_a_refused_amendment_or_cancel_may_be_asked_for_again():
    order = sent()
    order.accept("x-1", "{}")
    order.request_amend("c-2", None, PRICE * 2, NOW)
    with pytest.raises(Impossible) as refused:
        order.request_amend("c-3", None, PRICE * 3, NOW)
    assert refused.value.code == "amendment_under_way"
    order.reject_amend("no", "{}")
    order.request_amend("c-3", None, PRICE * 3, NOW)
    order.request_cancel("user")
    order.reject_cancel("no", "{}")
    assert (order.amendment.client_order_id, order.cancel_requested) == ("c-3", False)


@pytest.mark.parametrize(
    ("name", "quantity", "price", "code"),
    [
        ("c-2", None, None, "amendment_empty"),
        ("c-1", HALF, None, "client_order_id_taken"),
        ("c-2", HALF / 2, None, "quantity_filled"),
        ("c-2", HALF / 2, PRICE, "quantity_filled"),
    ],
)
def test_an_amendment_that_asks_for_what_cannot_be_is_refused(name, quantity, price, code):
    order = sent()
    fill(order, "t1", HALF)
    with pytest.raises(Invalid) as refused:
        order.request_amend(name, quantity, price, NOW)
    assert (refused.value.code, order.amendment) == (code, None)


def waiting() -> Order:
    """Return a stop that waits at 90."""
    wish = Wish("BTC/USDT", Side.SELL, Type.STOP_LOSS, quantity=QUANTITY, stop_price=Decimal(90))
    order = Order.place(
        order_id=uuid4(), user=1, broker=1, wish=wish, source=Source.MANUAL, requester="t", client_order_id="c-1"
    )
    order.submit(SENDER, now=NOW, valid_until=NOW, quantity=QUANTITY, cost=None, price=None)
    order.accept("x-1", "{}")
    return order


def test_a_trigger_is_amended_under_the_same_names():
    order = waiting()
    order.request_amend("c-1", None, None, NOW, Decimal(95))
    order.request_amend("c-1", None, None, NOW, Decimal(95))
    with pytest.raises(Impossible):
        order.request_amend("c-1", None, None, NOW, Decimal(96))
    order.amend("x-1", None, None, "{}", Decimal(95))
    assert (order.stop_price, order.quantity, order.amendment) == (95, QUANTITY, None)
    assert (order.client_order_ids, order.exchange_order_ids) == (["c-1"], ["x-1"])


def test_an_order_without_a_trigger_gets_none():
    order = sent()
    order.accept("x-1", "{}")
    with pytest.raises(Invalid) as refused:
        order.request_amend("c-2", None, None, NOW, Decimal(95))
    assert refused.value.code == "trigger_not_taken"


def test_only_a_found_order_was_made_elsewhere():
    assert (adopted().is_external, sent().is_external) == (True, False)
