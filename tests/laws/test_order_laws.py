"""Laws that every order keeps, whatever is said to it and in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.eventmapper import EventMapper
from domain.aggregate import carrying
from domain.order import ENDED, Order, Status
from domain.refusals import Refused
from domain.wish import Side, Source, TimeInForce, Type, Wish

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SENDER = UUID(int=7)
QUANTITY = Decimal(100)


class PlainKeys:
    """Seals so that nothing readable is left, without a database."""

    def seal(self, person: int, text: str) -> str:
        return f"sealed:{person}:{text.encode().hex()}"

    def unseal(self, sealed: str) -> str:
        return bytes.fromhex(sealed.rpartition(":")[2]).decode()


def placed() -> Order:
    wish = Wish(
        "BTC/USDT", Side.BUY, Type.LIMIT, quantity=QUANTITY, price=Decimal("0.1"), time_in_force=TimeInForce.GTC
    )
    return Order.place(
        order_id=uuid4(), user=1, broker=1, wish=wish, source=Source.MANUAL, requester="t", client_order_id="c-1"
    )


def submit(order: Order) -> None:
    order.submit(
        SENDER, now=NOW, valid_until=NOW + timedelta(seconds=5), quantity=QUANTITY, cost=None, price=Decimal("0.1")
    )


def fill(order: Order, trade: str, quantity: Decimal | str) -> None:
    exact = order.quantity - sum(order.fills.values(), Decimal(0)) if quantity == "rest" else quantity
    if trade in order.fills:
        exact = order.fills[trade]
    order.fill(trade, exact, Decimal("0.1"), Decimal("0.000000000000000001"), "BTC", NOW, None, '{"a": 1}')


VERBS = {
    "refuse": lambda o: o.refuse("stale"),
    "submit": submit,
    "accept": lambda o: o.accept("x-1", "{}"),
    "reject": lambda o: o.reject("no", "{}"),
    "close": lambda o: o.close("{}"),
    "cancel": lambda o: o.cancel("user", "{}"),
    "expire": lambda o: o.expire("IOC", "{}"),
    "doubt": lambda o: o.doubt("silence"),
    "resolve": lambda o: o.resolve(1, Status.CANCELLED, "seen on the exchange"),
    "request_cancel": lambda o: o.request_cancel("user"),
    "reject_cancel": lambda o: o.reject_cancel("no", "{}"),
    "request_amend": lambda o: o.request_amend("c-2", None, Decimal("0.2")),
    "reject_amend": lambda o: o.reject_amend("no", "{}"),
    "amend": lambda o: o.amend("x-2", None, Decimal("0.2"), "{}"),
}
# Eighteen places: a float on the way to the log or back would be caught. "rest" reaches the exact end of an order.
quantities = st.one_of(st.decimals("0.001", "60", places=18), st.just("rest"))
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(sorted(VERBS))),
        st.tuples(st.just("fill"), st.sampled_from(["t1", "t2", "t3"]), quantities),
        st.tuples(st.just("progress"), st.decimals("0.001", "100", places=18)),
    ),
    max_size=14,
)


def say(order: Order, step: tuple) -> bool:
    """Whether the order took it."""
    try:
        if step[0] == "fill":
            fill(order, *step[1:])
        elif step[0] == "progress":
            order.progress(step[1], step[1] / 10, "{}")
        else:
            VERBS[step[0]](order)
    except Refused:
        return False
    return True


def told(said: list[tuple]) -> Order:
    with carrying(user="1"):
        order = placed()
        for step in [("submit",), *said] if len(said) % 2 else said:
            say(order, step)
    return order


def state(order: Order) -> dict:
    hidden = {"_pending_events", "_id", "order_id", "_created_on", "_modified_on"}
    return {key: value for key, value in vars(order).items() if key not in hidden}


@given(steps)
def test_replaying_gives_the_same_order(said):
    """The state is what the events add up to, and nothing else."""
    order, again = told(said), None
    before = state(order)
    for event in order.collect_events():
        again = event.mutate(again)
    assert state(again) == before


@given(steps)
def test_every_event_survives_the_log(said):
    """What is read back equals what was written, to the last of eighteen places."""
    mapper = EventMapper(PlainKeys())
    events = told(said).collect_events()
    stored = [mapper.to_stored_event(event) for event in events]
    assert [mapper.to_domain_event(event) for event in stored] == list(events)
    assert not any(b'"raw":"{' in event.state for event in stored)


@given(steps)
def test_saying_everything_twice_changes_nothing(said):
    """Neither state nor version; only `submit` is never silent, and `progress` may not fall behind a later fill."""
    said = [step for step in said if step[0] not in {"submit", "request_cancel", "reject_cancel"}]
    said = [step for step in said if "amend" not in step[0]]
    once, twice = told(said), told([])
    with carrying(user="1"):
        twice = placed()
        for step in [("submit",), *said] if len(said) % 2 else said:
            say(twice, step)
            if step[0] != "submit":
                say(twice, step)
    assert (state(once), once.version) == (state(twice), twice.version)


@given(
    steps,
    st.one_of(
        st.sampled_from([(v,) for v in sorted(VERBS)]),
        st.tuples(st.just("fill"), st.just("t9"), st.just(Decimal(1000))),
    ),
)
@settings(max_examples=200)
def test_a_refusal_leaves_no_trace(said, step):
    """Neither in the state nor among the events to be saved."""
    order = told(said)
    before, pending = state(order), len(order.pending_events)
    with carrying(user="1"):
        if not say(order, step):
            assert (state(order), len(order.pending_events)) == (before, pending)


@given(steps)
def test_no_order_is_filled_beyond_its_quantity(said):
    """And the exact rest ends it."""
    order = told(said)
    assert order.filled <= QUANTITY
    if sum(order.fills.values(), Decimal(0)) == QUANTITY:
        assert order.status in ENDED


@given(steps)
def test_one_sender_and_one_attempt(said):
    """A second sender is refused whatever happened, and so is a second attempt without proof."""
    order = told(said)
    if order.attempt:
        before = order.attempt
        assert not say(order, ("submit",))
        assert order.attempt == before
