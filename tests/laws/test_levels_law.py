"""Laws of levels: the books show a position as its own history does, and never more protection than rests."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.aggregate import carrying
from domain.orders.execution import Execution
from domain.orders.wish import HUNDRED_PERCENT, Protection
from domain.protection.level import Level
from domain.refusals import Refused
from domain.trading.position import Position
from projections.positions import POSITIONS
from tests.conftest import NOW

SMALLEST = Decimal("0.5")
quantities = st.sampled_from([Decimal(1), Decimal(3), Decimal("0.7")])
prices = st.sampled_from(
    [Protection(Decimal(90)), Protection(Decimal(95), Decimal(130)), Protection(None, Decimal(140))]
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), quantities),
        st.tuples(st.just("buy"), quantities, prices),
        st.tuples(st.just("sell"), quantities),
        st.tuples(st.just("stop"), quantities),
        st.tuples(st.just("target"), quantities),
        st.tuples(st.just("want"), prices, st.sampled_from([Decimal(50), HUNDRED_PERCENT])),
        st.tuples(st.just("rest")),
        st.tuples(st.just("rest"), quantities),
        st.tuples(st.just("take off"), st.sampled_from([Decimal(0), Decimal("0.5")])),
        st.tuples(st.just("refuse")),
        st.tuples(st.just("lose"), st.sampled_from(["in_exit", "cannot_rest", "carried_out"]), st.booleans()),
    ),
    max_size=14,
)


def say(position, number, kind, *said):
    """Apply one step, which the position may refuse."""
    order = UUID(int=number)
    if kind in {"buy", "sell", "stop", "target"}:
        execution = Execution(order, "t", said[0], Decimal(100), Decimal(0), None, NOW)
        if kind == "buy":
            position.enter(order, said[1] if len(said) > 1 else None)
            position.grow(execution)
        else:
            by = kind != "sell"
            position.reduce(execution, SMALLEST, by_protection=by, by_target=kind == "target")
    elif kind == "want":
        position.want(said[0], said[1], order, awaited=())
    elif kind == "rest" and position.wanted is not None:
        # The latest purchase may have come after this was established.
        seen = position.covered - min(said[0], position.covered) if said else position.covered
        if seen:
            position.rest([order], seen, covering=seen)
    elif kind == "take off":
        position.take_off([order] if said[0] else [], min(said[0], position.protected))
    elif kind == "refuse":
        position.refuse_protection("market_below_stop")
    elif kind == "lose":
        position.lose_protection(said[0], final=said[1])


def shown(events):
    """Return the books' row of the position after these events."""
    row = {}
    for event in events:
        change = POSITIONS.when.get(type(event).TOPIC)
        row = {**row, **((change(row, event) or {}) if change is not None else {})}
    return SimpleNamespace(**row)


@given(steps)
def test_the_books_say_what_the_history_says(steps):
    with carrying(user="1"):
        position = Position(1, 1, "BTC/USDT", "webhook")
        for number, step in enumerate(steps):
            try:
                say(position, number + 1, *step)
            except Refused:
                continue
        row = shown(position.pending_events)
        assert (row.protected, row.held) == (position.protected, position.held)
        if position.lost is None:  # protection requested while nothing rests is shown as on its way
            assert (row.level, row.covered, row.weighed) == (position.level, position.covered, position.weighed)
        if position.level is Level.COVERED:
            assert position.protected > 0
            assert position.weighed >= position.covered
