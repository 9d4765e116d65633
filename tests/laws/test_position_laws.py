"""Laws that every position keeps, whatever is bought, sold and requested, and in whatever sequence."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, localcontext
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.aggregate import carrying
from domain.orders.execution import Execution
from domain.orders.wish import Protection
from domain.refusals import Refused
from domain.trading.position import Position

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
amounts = st.decimals("0.001", "1000", places=9)
fees = st.sampled_from([("0", None), ("0.0000001", "BTC"), ("0.000000013", "USDT"), ("0.01", "BNB")])
STOPS, TARGETS = [None, Decimal("0.0001"), Decimal("0.0002")], [None, Decimal(2000), Decimal(3000)]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), amounts, amounts, fees),
        st.tuples(st.just("sell"), amounts, amounts, fees),
        st.tuples(st.just("sell all"), amounts, fees),
        st.tuples(
            st.just("protect"), st.sampled_from(STOPS), st.sampled_from(TARGETS), st.sampled_from([1, 50, 80, 100])
        ),
        st.tuples(st.just("refuse")),
        st.tuples(st.just("rest"), amounts),
    ),
    max_size=20,
)


def say(position: Position, number: int, step: tuple, *, by_protection: bool = False) -> None:
    """Apply one step, which the position may refuse."""
    kind = step[0]
    if kind in {"buy", "sell", "sell all"}:
        quantity = position.held if kind == "sell all" else step[1]
        fee, currency = step[-1]
        execution = Execution(UUID(int=number % 3), f"t{number}", quantity, step[-2], Decimal(fee), currency, NOW)
        if kind == "buy":
            position.grow(execution)
        elif quantity:
            position.reduce(execution, Decimal(0), by_protection=by_protection)
    elif kind == "protect":
        position.want(Protection(step[1], step[2]), Decimal(step[3]), UUID(int=number), awaited=())
    elif kind == "refuse":
        position.refuse_protection("wrong side")
    else:
        position.rest([UUID(int=number)], step[1])


def told(said: list[tuple], times: int = 1) -> Position:
    """Return a position after all these steps, each applied this many times."""
    with carrying(user="1"):
        position = Position(1, 1, "BTC/USDT", "webhook")
        for number, step in enumerate(said):
            for _ in range(times):
                try:
                    say(position, number, step)
                except Refused:
                    continue
    return position


def state(position: Position) -> dict:
    hidden = {"_pending_events", "_created_on", "_modified_on"}
    return {key: value for key, value in vars(position).items() if key not in hidden}


@given(steps)
def test_replaying_gives_the_same_position(said):
    """The state is the sum of the events."""
    position, again = told(said), None
    before = state(position)
    for event in position.collect_events():
        again = event.mutate(again)
    assert state(again) == before


@given(steps)
def test_every_execution_counts_once(said):
    """An execution counts once, however often it is told. Repeating what is wanted or rests leaves no trace."""
    said = [step for step in said if step[0] not in {"sell all", "refuse"}]
    once, twice = told(said), told(said, 2)
    assert (state(once), once.version) == (state(twice), twice.version)


@given(steps)
def test_nothing_is_held_that_was_not_bought(said):
    """The quantity held is the quantity bought less the quantity sold and all fees in base, and is never negative."""
    position, held = told(said), Decimal(0)
    with localcontext(prec=100):
        for event in position.pending_events:
            held += getattr(event, "received", 0)
            if type(event).__name__ == "Reduced":
                fee = event.execution.fee if event.execution.fee_currency == "BTC" else 0
                held = max(held - event.quantity - fee, Decimal(0))
    assert position.held == held >= 0
    assert position.is_open or not position.resting
    assert 0 <= position.cover.target_quantity <= position.covered <= position.held


@given(steps, st.sampled_from(TARGETS[1:]), st.sampled_from([1, 50, 100]))
def test_a_moved_target_takes_nothing_from_under_the_stop(said, target, share):
    """Only a move that names a stop may leave a part of the coins without one; a moved target may not."""
    position = told([("buy", Decimal(10), Decimal(5), ("0", None)), *said, ("protect", STOPS[1], None, 80)])
    covered, stopped = position.covered, position.wanted is not None and position.wanted.stop_loss is not None
    if position.is_open and stopped:
        with carrying(user="1"):
            position.want(Protection(None, target), Decimal(share), UUID(int=1000), awaited=())
        assert position.covered >= covered
        assert position.cover.target_quantity <= position.covered


@given(steps)
def test_the_net_results_are_the_money_that_changed_hands(said):
    """Over all complete trades, net results are the proceeds of sells less the cost of buys and the fees in quote."""
    position = told([*said, ("sell all", Decimal(7), ("0", None))])
    money, net = Decimal(0), Decimal(0)
    with localcontext(prec=100):
        for event in position.pending_events:
            kind, execution = type(event).__name__, getattr(event, "execution", None)
            if kind in {"Grew", "Reduced"}:
                quantity = execution.quantity if kind == "Grew" else event.quantity
                money += quantity * execution.price * (1 if kind == "Reduced" else -1)
                money -= execution.fee if execution.fee_currency == "USDT" else 0
            net += getattr(event, "net", 0)
    assert not position.is_open
    assert net == money


@given(steps)
def test_a_stop_that_was_carried_out_covers_nothing_more(said):
    """The quantity it sold no longer needs protection. Any other sale leaves the protected share unchanged."""
    position = told([("buy", Decimal(10), Decimal(5), ("0", None)), *said])
    with carrying(user="1"):
        if position.is_open and position.wanted is not None and position.covered:
            covered, held = position.covered, position.held
            position.rest([UUID(int=1000)], covered)
            say(position, 1000, ("sell", covered / 2, Decimal(5), ("0", None)), by_protection=True)
            assert abs(position.covered - covered / 2) < Decimal("1e-20")
            assert position.held <= held
