"""Laws that every order keeps, whichever verbs are called on it and in whatever sequence."""

from __future__ import annotations

from copy import copy
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.log.eventmapper import EventMapper
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.orders.order_status import ENDED, LEADS, OUTCOMES, Status
from domain.orders.wish import Side, Source, TimeInForce, Type, Wish
from domain.refusals import Impossible, Invalid, Refused

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SENDER = UUID(int=7)
QUANTITY, PRICE, LEAST = Decimal(100), Decimal("0.1"), Decimal("0.000000000000000001")
WISH = Wish("BTC/USDT", Side.BUY, Type.LIMIT, quantity=QUANTITY, price=PRICE, time_in_force=TimeInForce.GTC)


class PlainKeys:
    """Keys that seal a text so that it cannot be read, without a database."""

    def seal(self, person: int, text: str) -> str:
        return f"sealed:{person}:{text.encode().hex()}"

    def unseal(self, sealed: str) -> str:
        return bytes.fromhex(sealed.rpartition(":")[2]).decode()


def placed() -> Order:
    return Order.place(
        order_id=uuid4(), user=1, broker=1, wish=WISH, source=Source.MANUAL, requester="t", client_order_id="c-1"
    )


def sent() -> Order:
    order = placed()
    submit(order)
    return order


def adopted(broker: int = 1) -> Order:
    return Order.adopt(user=1, broker=broker, exchange_order_id="x-0", wish=WISH, raw='{"clientOrderId":"theirs"}')


def submit(order: Order, quantity: Decimal = QUANTITY) -> None:
    order.submit(SENDER, now=NOW, valid_until=NOW, quantity=quantity, cost=None, price=PRICE)


def fill(order: Order, trade: str, quantity: Decimal | str, price: Decimal = PRICE, fee: Decimal = LEAST) -> None:
    rest = Decimal(str(order.remaining)) if quantity == "rest" else quantity
    order.fill(trade, order.fills.get(trade, rest), price, fee, "BTC", NOW, None, '{"a": 1}')


VERBS = {
    "refuse": lambda o: o.refuse("stale"),
    "submit": submit,
    "defer": lambda o: o.defer("too_many_orders", "429"),
    "accept": lambda o, known_as="x-1": o.accept(known_as, "{}"),
    "reject": lambda o: o.reject("no", "{}"),
    "fill": fill,
    "progress": lambda o, quantity=LEAST, cost=PRICE: o.progress(quantity, cost, "{}"),
    "close": lambda o: o.close("{}"),
    "cancel": lambda o: o.cancel("user", "{}"),
    "expire": lambda o: o.expire("IOC", "{}"),
    "doubt": lambda o: o.doubt("silence"),
    "resolve": lambda o, outcome=Status.CANCELLED: o.resolve(1, outcome, "seen on the exchange"),
    "correct": lambda o, ours=None, theirs=Status.OPEN: o.correct(ours or o.status, theirs, "{}"),
    "request_cancel": lambda o: o.request_cancel("user"),
    "reject_cancel": lambda o: o.reject_cancel("no", "{}"),
    "request_amend": lambda o, quantity=None, price=Decimal("0.2"): o.request_amend("c-2", quantity, price, NOW),
    "reject_amend": lambda o: o.reject_amend("no", "{}"),
    "amend": lambda o, quantity=None, price=Decimal("0.2"): o.amend("x-2", quantity, price, "{}"),
}
# Eighteen places catch a float on the way to the log or back. "rest" fills an order exactly to its end.
amounts = st.decimals("0.001", "60", places=18)
statuses = st.sampled_from(Status)
any_step = st.one_of(
    st.tuples(st.sampled_from(sorted(VERBS.keys() - {"fill"}))),
    st.tuples(st.just("fill"), st.sampled_from(["t1", "t2", "t3"]), amounts | st.just("rest")),
    st.tuples(st.just("progress"), st.decimals("0.001", "100", places=18)),
    st.tuples(st.sampled_from(["request_amend", "amend"]), st.decimals("0.001", "150", places=18), st.none() | amounts),
    st.tuples(st.just("correct"), st.none() | statuses, statuses),
    st.tuples(st.just("resolve"), statuses),
)
steps = st.lists(any_step, max_size=14)
starts = st.sampled_from([placed, sent, adopted])


def say(order: Order, step: tuple) -> bool:
    """Call the verb of this step and return True unless the order refuses it."""
    try:
        with carrying(user="1"):
            VERBS[step[0]](order, *step[1:])
    except Refused:
        return False
    return True


def told(said: list[tuple], start=sent) -> Order:
    with carrying(user="1"):
        order = start()
    for step in said:
        say(order, step)
    return order


def state(order: Order) -> dict:
    hidden = {"_pending_events", "_id", "order_id", "_created_on", "_modified_on"}
    return {key: copy(value) for key, value in vars(order).items() if key not in hidden}


@given(steps, starts)
def test_replaying_gives_the_same_order(said, start):
    """The state is the sum of the events, and nothing else."""
    order, again = told(said, start), None
    before = state(order)
    for event in order.collect_events():
        again = event.mutate(again)
    assert state(again) == before


@given(steps, starts)
def test_every_event_survives_the_log(said, start):
    """An event that is read back equals the one written, to the last of eighteen places, and its raw text is sealed."""
    mapper = EventMapper(PlainKeys())
    events = told(said, start).collect_events()
    stored = [mapper.to_stored_event(event) for event in events]
    assert [mapper.to_domain_event(event) for event in stored] == list(events)
    assert not any(b'"raw":"{' in event.state for event in stored)


@given(steps, starts)
def test_saying_everything_twice_changes_nothing(said, start):
    """A repeated step changes neither state nor version: it is ignored, or refused like a second `submit`."""
    once, twice = told(said, start), told([], start)
    for step in said:
        say(twice, step)
        say(twice, step)
    assert state(once) == state(twice)


@given(steps, any_step | st.just(("fill", "t9", Decimal(1000))), starts)
@settings(max_examples=200)
def test_a_refusal_leaves_no_trace(said, step, start):
    """A refusal changes neither the state nor the events to be saved."""
    order = told(said, start)
    before, pending = state(order), len(order.pending_events)
    assert say(order, step) or (state(order), len(order.pending_events)) == (before, pending)


@given(steps, any_step, starts)
@settings(max_examples=200)
def test_the_table_says_what_an_order_may(said, step, start):
    """A verb that `LEADS` does not list for the order's status changes nothing. Each verb is listed for some status."""
    order = told(said, start)
    before = state(order)
    if step[0] not in LEADS[order.status]:
        say(order, step)
        assert state(order) == before
    assert set().union(*LEADS.values()) == set(VERBS)


@given(steps, any_step, starts)
@settings(max_examples=200)
def test_a_verb_leads_where_the_table_says(said, step, start):
    """A person or two agreeing reports name the state themselves. What leaves nothing to execute closes the order."""
    order = told(said, start)
    before, version = order.status, order.version
    say(order, step)
    if order.version > version:
        expected = LEADS[before][step[0]] or (step[-1] if len(step) > 1 else order.status)
        closed = step[0] in {"fill", "amend"} and order.remaining == 0 and before not in ENDED
        assert order.status is (Status.CLOSED if closed else expected)


@given(steps, starts)
def test_no_order_is_filled_beyond_its_quantity(said, start):
    """This holds after any amendment. The exact rest ends the order, until two reports correct that."""
    order = told([step for step in said if step[0] != "correct"], start)
    assert order.filled <= order.quantity
    if sum(map(Fraction, order.fills.values())) == order.quantity:
        assert order.status in ENDED


@given(steps)
def test_each_attempt_but_the_first_follows_the_proof_that_the_one_before_was_not_taken(said):
    """Nothing is sent twice, whatever else happens between two attempts."""
    with carrying(user="1"):
        order = sent()
    proofs = 0
    for step in [*said, ("submit",)]:
        proofs += say(order, step) and step[0] == "defer"
        assert order.attempt <= 1 + proofs


@given(st.lists(st.integers(1, 10**33), min_size=2, max_size=40))
def test_sums_of_fills_are_exact(units):
    """Sums stay exact far beyond Decimal's default 28 digits: the last unit closes the order, one more is refused."""
    # Given one order of exactly the sum, and one that is a unit short.
    fills = [Decimal(f"{number}e-18") for number in units]
    exact, short = placed(), placed()
    submit(exact, Decimal(f"{sum(units)}e-18"))
    submit(short, Decimal(f"{sum(units) - 1}e-18"))
    # When all fills but the last are told, the exact order stays open.
    for number, quantity in enumerate(fills[:-1]):
        assert say(exact, ("fill", f"t{number}", quantity))
        assert exact.status is Status.OPEN
        assert say(short, ("fill", f"t{number}", quantity)) == (sum(units[: number + 1]) < sum(units))
    # Then the last one closes the exact order and is refused by the short one.
    assert exact.remaining == fills[-1]
    assert not say(short, ("fill", "last", fills[-1]))
    assert say(exact, ("fill", "last", fills[-1]))
    assert (exact.status, exact.filled, exact.remaining) == (Status.CLOSED, Decimal(f"{sum(units)}e-18"), 0)


NOT_FINITE = [Decimal(word) for word in ("NaN", "-NaN", "Infinity", "-Infinity")]
NO_AMOUNTS = {
    "submit": lambda none: [(none,)],
    "fill": lambda none: [("t9", none), ("t9", LEAST, none), ("t9", LEAST, PRICE, none)],
    "progress": lambda none: [(none, PRICE), (LEAST, none)],
    "request_amend": lambda none: [(none, None), (None, none)],
    "amend": lambda none: [(none, None), (None, none)],
}


@given(steps, starts, st.sampled_from(sorted(NO_AMOUNTS)), st.sampled_from(NOT_FINITE))
def test_what_is_no_amount_is_refused(said, start, verb, none):
    """Decimal and JSON can both produce NaN and Infinity: an order refuses them in every state and stays unchanged."""
    # A repeated request is ignored while one is under way, whatever it asks for now.
    order = told([step for step in said if step[0] != "request_amend"], start)
    before = state(order)
    for given_ in NO_AMOUNTS[verb](none):
        assert not say(order, (verb, *given_))
        assert state(order) == before


@given(steps, starts, st.none() | statuses, statuses)
def test_a_correction_is_the_exchanges_word(said, start, ours, theirs):
    """A correction moves only an order whose end is the one it contradicts. The order keeps its fills and ids."""
    order = told(said, start)
    before = state(order)
    taken = say(order, ("correct", ours, theirs))
    if order.version == before["_version"]:
        assert (state(order), taken) == (before, theirs is before["status"])
    else:
        assert (before["status"], order.status) == (ours or before["status"], theirs)
        assert theirs in OUTCOMES
        kept = state(order).keys() - {"status", "reason", "_version", "cancel_requested", "amendment"}
        assert {key: state(order)[key] for key in kept} == {key: before[key] for key in kept}


@pytest.mark.parametrize("wrong", ["reject", "cancel", "expire", "close"])
def test_a_wrong_end_is_corrected_once(wrong):
    """The corrected order is open again with its ids and fills, and later ends as it truly ends."""
    # Given an order that was partly filled and then ended wrongly.
    order = told([("accept",), ("fill", "t1", QUANTITY / 4), (wrong,)])
    ours = order.status
    # When it is corrected, once and to a status that an exchange can report.
    for nonsense in set(Status) - OUTCOMES:
        assert not say(order, ("correct", ours, nonsense))
    assert say(order, ("correct", ours, Status.OPEN))
    assert not say(order, ("correct", ours, Status.EXPIRED))
    # Then it is open as before, and the rest closes it.
    assert (order.status, order.filled, order.exchange_order_id) == (Status.OPEN, QUANTITY / 4, "x-1")
    assert say(order, ("fill", "t2", "rest"))
    assert order.status is Status.CLOSED


@pytest.mark.parametrize("first", [[("doubt",), ("resolve", Status.OPEN)], [("fill", "t1", LEAST)], [("progress",)]])
def test_the_acceptance_may_come_late(first):
    """After a person's resolution, a fill or a progress report, it still brings the exchange's id, and only one."""
    order = told(first)
    assert (order.status, order.exchange_order_id) == (Status.OPEN, None)
    order.accept("x-1", "{}")
    assert (order.status, order.exchange_order_ids) == (Status.OPEN, ["x-1"])
    order.accept("x-1", "{}")
    with pytest.raises(Impossible) as refused:
        order.accept("x-2", "{}")
    assert refused.value.code == "order_known_otherwise"
    assert [type(event).__name__ for event in order.pending_events].count("Accepted") == 1


@given(amounts, st.decimals("0.001", "150", places=18))
def test_a_quantity_is_amended_to_the_last_place(filled, quantity):
    """An amendment below what is filled is refused; one down to exactly that closes the order."""
    order = told([("fill", "t1", filled)])
    assert say(order, ("request_amend", quantity, None)) == (quantity > filled)
    assert say(order, ("amend", quantity, None)) == (quantity >= filled)
    if quantity >= filled:
        assert Fraction(order.remaining) == Fraction(quantity) - Fraction(filled)
        assert order.status is (Status.CLOSED if quantity == filled else Status.OPEN)
        assert (order.exchange_order_id, order.amendment) == ("x-2", None)


@given(amounts)
def test_cut_down_to_what_is_filled_is_closed(filled):
    """The cut may come from outside, without a request. A fill after it exceeds the quantity and is refused."""
    order = told([("fill", "t1", filled)])
    with pytest.raises(Invalid):
        order.amend("x-2", filled - LEAST, None, "{}")
    order.amend("x-2", filled, None, "{}")
    assert (order.status, order.remaining) == (Status.CLOSED, 0)
    assert not say(order, ("fill", "t2", LEAST))


def test_a_found_order_is_one_order():
    """Its id is derived from the exchange's, whoever finds it. It rests there, and it is never sent."""
    one, other = adopted(), adopted()
    assert one.id == one.order_id == other.id != adopted(broker=2).id
    assert (one.client_order_id, one.exchange_order_ids) == ("EXT_1_BTCUSDT_x-0", ["x-0"])
    assert (one.source, one.status, one.remaining) == (Source.EXTERNAL, Status.OPEN, QUANTITY)
    assert not say(one, ("submit",))
    assert not say(one, ("accept", "x-1"))
    assert say(one, ("fill", "t1", "rest"))
    assert one.status is Status.CLOSED
