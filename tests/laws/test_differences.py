"""The differences that a report adds to an order: every row of the decision table, and reports that cannot be true."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from application.orders.differences import CLOCKS_DIFFER, differences, is_complete
from application.ports.statements import Fill, OrderReport
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side, Source, Type, Wish

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OLD, NEW = "ARISTO_1", "ARISTO_2"
NATIVE, WORD = "BTCUSDT", {Status.OPEN: "NEW", Status.CLOSED: "FILLED", None: "PENDING_MIRACLE"}
ENDS = {
    Status.CLOSED: lambda o: o.close("{}"),
    Status.CANCELLED: lambda o: o.cancel("user", "{}"),
    Status.EXPIRED: lambda o: o.expire("IOC", "{}"),
    Status.REJECTED: lambda o: o.reject("no", "{}"),
}
OPEN, CLOSED, CANCELLED, EXPIRED, REJECTED = Status.OPEN, *ENDS
SENT, DOUBT, PLACED = Status.SUBMITTED, Status.UNKNOWN, Status.PLACED
NONE, PART, REST, ALL = {}, {"t1": "0.4"}, {"t2": "0.6"}, {"t1": "0.4", "t2": "0.6"}


def an_order(status=OPEN, fills=NONE, *then):
    """Return a limit buy of 1 BTC at 100 in this status, with fills by trade id. Verbs in `then` are called last."""
    wish = Wish("BTC/USDT", Side.BUY, Type.LIMIT, quantity=Decimal(1), price=Decimal(100))
    with carrying(user="1"):
        order = Order(UUID(int=1), 1, 1, wish, Source.MANUAL, "t", OLD, None, None)
        if status is not PLACED:
            sizes = {"quantity": Decimal(1), "cost": None, "price": Decimal(100)}
            order.submit(UUID(int=7), now=NOW, valid_until=NOW + timedelta(seconds=5), **sizes)
        if status is DOUBT:
            order.doubt("silence")
        if status not in {PLACED, SENT, DOUBT}:
            order.accept("X1", "{}")
        for fill in executions(fills):
            order.fill(*vars(fill).values())
        for verb in (*([ENDS[status]] if status in ENDS else []), *then):
            verb(order)
    return order


def executions(fills, **changes):
    """Return fills at 100, made from quantities by trade id."""
    told = [
        Fill(trade, Decimal(size), Decimal(100), Decimal(0), "BTC", NOW, None, "{}") for trade, size in fills.items()
    ]
    return [replace(fill, **changes) for fill in told]


def a_report(state=OPEN, filled="0", fills=NONE, **changes):
    """Return the exchange's report of the same order."""
    executed = Decimal(filled)
    said = OrderReport(
        "X1", OLD, NATIVE, Side.BUY, state, WORD.get(state, str(state)), Decimal(1), Decimal(100), executed,
        executed * 100, '{"raw":1}', fills=executions(fills),
    )  # fmt: skip
    return replace(said, **changes)


def found_in(order, report, fills=()):
    """Return the differences that the report adds, whether believed already or still doubted."""
    return [*differences(order, report, NATIVE, fills).found]


def names(found):
    return [difference.event for difference in found]


def record(order, found):
    """Record the differences and return the names of the events they led to."""
    before = len(order.pending_events)
    with carrying(user="1"):
        for difference in found:
            difference.record(order)
    return [type(event).__name__ for event in order.pending_events[before:]]


def ask_for(quantity, price):
    return lambda o: o.request_amend(NEW, quantity and Decimal(quantity), price and Decimal(price), NOW)


ROWS = {
    "sent, open": (an_order(SENT), a_report(), ["Accepted"], OPEN, "0"),
    "unknown, open": (an_order(DOUBT), a_report(), ["Accepted"], OPEN, "0"),
    "unknown, partly filled": (an_order(DOUBT), a_report(OPEN, "0.4", PART), ["Accepted", "Filled"], OPEN, "0.4"),
    "sent, closed": (an_order(SENT), a_report(CLOSED, "1", ALL), ["Accepted", *["Filled"] * 2, "Closed"], CLOSED, "1"),
    "sent, closed without its trades": (
        an_order(SENT), a_report(CLOSED, "1"), ["Accepted", "Progressed", "Closed"], CLOSED, "1",
    ),
    "unknown, cancelled": (
        an_order(DOUBT), a_report(CANCELLED, "0.4", PART), ["Accepted", "Filled", "Cancelled"], CANCELLED, "0.4",
    ),
    "sent, expired": (an_order(SENT), a_report(EXPIRED), ["Accepted", "Expired"], EXPIRED, "0"),
    "unknown, rejected": (an_order(DOUBT), a_report(REJECTED), ["Accepted", "Rejected"], REJECTED, "0"),
    "open, the same": (an_order(), a_report(), [], OPEN, "0"),
    "open, the same filled": (an_order(OPEN, PART), a_report(OPEN, "0.4", PART), [], OPEN, "0.4"),
    "open, an older report": (an_order(OPEN, PART), a_report(), [], OPEN, "0.4"),
    "open, more trades": (an_order(OPEN, PART), a_report(OPEN, "0.7", {"t2": "0.3"}), ["Filled"], OPEN, "0.7"),
    "open, more without trades": (an_order(OPEN, PART), a_report(OPEN, "0.7"), ["Progressed"], OPEN, "0.7"),
    "open, closed": (an_order(OPEN, PART), a_report(CLOSED, "1", REST), ["Filled", "Closed"], CLOSED, "1"),
    "open, cancelled": (an_order(), a_report(CANCELLED), ["Cancelled"], CANCELLED, "0"),
    "open, cancelled partly": (
        an_order(), a_report(CANCELLED, "0.4", PART), ["Filled", "Cancelled"], CANCELLED, "0.4",
    ),
    "open, expired": (an_order(OPEN, PART), a_report(EXPIRED, "0.4"), ["Expired"], EXPIRED, "0.4"),
    "open, rejected": (an_order(), a_report(REJECTED), ["Rejected"], REJECTED, "0"),
    "cancel requested, open": (an_order(OPEN, NONE, lambda o: o.request_cancel("me")), a_report(), [], OPEN, "0"),
    "cancel requested, cancelled": (
        an_order(OPEN, NONE, lambda o: o.request_cancel("me")), a_report(CANCELLED), ["Cancelled"], CANCELLED, "0",
    ),
    "amend requested, new id": (
        an_order(OPEN, NONE, ask_for("0.5", None)),
        a_report(quantity=Decimal("0.5"), client_order_id=NEW), ["Amended"], OPEN, "0",
    ),
    "amend requested, new size": (
        an_order(OPEN, NONE, ask_for("0.5", None)), a_report(quantity=Decimal("0.5")), ["Amended"], OPEN, "0",
    ),
    "size amend requested, old id": (an_order(OPEN, NONE, ask_for("0.5", None)), a_report(), [], OPEN, "0"),
    "price amend requested, old id": (an_order(OPEN, NONE, ask_for(None, "90")), a_report(), [], OPEN, "0"),
    "cancelled, a late fill": (
        an_order(CANCELLED, PART), a_report(CANCELLED, "0.7", {"t2": "0.3"}), ["Filled"], CANCELLED, "0.7",
    ),
    "rejected, a late fill": (
        an_order(REJECTED), a_report(REJECTED, "0.4", PART), ["Filled"], REJECTED, "0.4",
    ),
    "closed, the same": (an_order(CLOSED, ALL), a_report(CLOSED, "1", ALL), [], CLOSED, "1"),
    "cancelled, open": (an_order(CANCELLED), a_report(), ["Corrected*"], OPEN, "0"),
    "rejected, closed": (
        an_order(REJECTED), a_report(CLOSED, "1", ALL), ["Filled", "Filled", "Corrected*"], CLOSED, "1",
    ),
    "smaller outside": (an_order(), a_report(quantity=Decimal("0.5")), ["Amended*"], OPEN, "0"),
    "smaller outside, and all of that is executed": (
        an_order(), a_report(CLOSED, "0.5", {"t1": "0.5"}, quantity=Decimal("0.5")),
        ["Amended", "Filled", "Closed"], CLOSED, "0.5",
    ),
    "ended here, smaller outside, and all of that is executed": (
        an_order(CANCELLED), a_report(CLOSED, "0.5", {"t1": "0.5"}, quantity=Decimal("0.5")),
        ["Amended*", "Filled", "Corrected*"], CLOSED, "0.5",
    ),
    "dearer outside": (an_order(), a_report(price=Decimal(110)), ["Amended*"], OPEN, "0"),
    "larger outside, and more executed than there was": (
        an_order(OPEN, ALL | {"t2": "0.5"}), a_report(OPEN, "1.2", {"t3": "0.3"}, quantity=Decimal(2)),
        ["Amended", "Filled"], OPEN, "1.2",
    ),
    "larger outside, and executed as much as there was": (
        an_order(OPEN, PART), a_report(OPEN, "1", REST, quantity=Decimal(2)), ["Amended*", "Filled"], OPEN, "1",
    ),
    "a word that nobody mapped": (an_order(OPEN, PART), a_report(None, "0.4"), ["StatusUnknown"], OPEN, "0.4"),
    "unknown, a word that nobody mapped": (an_order(DOUBT), a_report(None), ["Accepted", "StatusUnknown"], OPEN, "0"),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_each_row_of_the_decision_table(row):
    """The report adds the row's facts (* needs a second report) and leads to its status and total, but only once."""
    given, report, facts, status, filled = ROWS[row]
    order = replay(given)
    found = found_in(order, report)
    assert [difference.event + "*" * difference.needs_two for difference in found] == facts
    assert set(record(order, found)) == {fact.rstrip("*") for fact in facts}
    assert (order.status, order.filled) == (status, Decimal(filled))
    assert found_in(order, report) == []


def test_trades_that_were_asked_for_take_the_place_of_a_bare_total():
    """Each trade becomes a fill. A quantity that no trade explains is progress, never an invented fill."""
    report = a_report(OPEN, "0.7")
    assert not is_complete(an_order(), report)
    for found, facts in ((executions({"t1": "0.4", "t2": "0.3"}), ["Filled"] * 2), (executions(PART), None)):
        order = an_order()
        assert names(found_in(order, report, found)) == (facts or ["Filled", "Progressed"])
        record(order, found_in(order, report, found))
        assert order.filled == Decimal("0.7")
        assert order.fills == {fill.trade_id: fill.quantity for fill in found}
        assert is_complete(order, report) is (facts is not None)


@pytest.mark.parametrize("answer", [a_report(), a_report(CANCELLED, "0.4", PART)], ids=["open", "ended"])
def test_what_needs_two_reports_agrees_only_with_itself(answer):
    """Another answer that says the same is the same fact; another end, size or price is another fact."""
    ours = an_order(EXPIRED)
    [*_, first] = found_in(ours, answer)
    [*_, same] = found_in(ours, replace(answer, raw="another answer"))
    [*_, other] = found_in(ours, a_report(REJECTED))
    assert first.needs_two
    assert first == same
    assert first != other


NAN, ABOVE = Decimal("NaN"), {"filled": Decimal("1.1"), "cost": Decimal(110)}
IMPOSSIBLE = {
    "foreign symbol": ("foreign_symbol", an_order(), {"native_symbol": "ETHUSDT"}),
    "wrong side": ("side_contradicts", an_order(), {"side": Side.SELL}),
    "another exchange id": ("order_known_otherwise", an_order(), {"exchange_order_id": "X2"}),
    "never sent": ("never_sent", an_order(PLACED), {}),
    "filled above the quantity": ("amounts_contradict", an_order(), ABOVE),
    "fills above the total": (
        "amounts_contradict", an_order(), {"filled": Decimal("0.4"), "fills": executions({"t1": "0.5"})},
    ),
    "negative quantity": ("amounts_contradict", an_order(), {"quantity": Decimal(-1)}),
    "negative total": ("amounts_contradict", an_order(), {"filled": Decimal(-1)}),
    "negative cost": ("amounts_contradict", an_order(), {"cost": Decimal(-1)}),
    "no number": ("amounts_contradict", an_order(), {"filled": NAN}),
    "without end": ("amounts_contradict", an_order(), {"quantity": Decimal("Infinity")}),
    "closed with less than all": (
        "amounts_contradict", an_order(), {"state": CLOSED, "native_status": "FILLED", "filled": Decimal("0.4")},
    ),
    "ended with fewer executions than ours": (
        "executions_vanished", an_order(OPEN, PART), {"state": CANCELLED, "native_status": "CANCELED"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", IMPOSSIBLE)
@pytest.mark.parametrize("word", [OPEN, CANCELLED, None], ids=["open", "cancelled", "unmapped"])
def test_a_statement_that_cannot_be_moves_nothing_and_is_kept_once(case, word):
    """It adds one fact for a person to look at, with the whole report, whatever else it says. A repeat adds nothing."""
    reason, given, changes = IMPOSSIBLE[case]
    order = replay(given)
    said = {"state": word, "native_status": str(word), "price": Decimal(90)} | changes
    only_contradicted(order, replace(a_report(), **said), reason)


PROGRESSED = an_order(OPEN, NONE, lambda o: o.progress(Decimal("0.4"), Decimal(40), "{}"))
TOO_OLD = NOW - timedelta(days=1, microseconds=1)
WRONG_FILLS = {
    "negative fee": ("fee_negative", PROGRESSED, executions(PART, fee=Decimal("-0.1"))),
    "no amount": ("fill_contradicts", PROGRESSED, executions({"t1": "NaN"})),
    "nothing": ("fill_contradicts", PROGRESSED, executions({"t1": "0"})),
    "negative price": ("fill_contradicts", PROGRESSED, executions(PART, price=Decimal(-1))),
    "older than the order": ("time_runs_backwards", PROGRESSED, executions(PART, executed_at=TOO_OLD)),
    "larger than the order": ("fill_contradicts", PROGRESSED, executions({"t1": "1.1"})),
    "larger than the rest": ("fill_contradicts", an_order(OPEN, PART), executions({"t2": "0.7"})),
    "another quantity of the same trade": ("fill_contradicts", an_order(OPEN, PART), executions({"t1": "0.3"})),
}


@pytest.mark.parametrize("case", WRONG_FILLS)
def test_an_execution_that_cannot_be_is_none_and_is_kept_once(case):
    """An impossible execution neither counts nor moves the order; earlier executions stay as they were."""
    reason, given, fills = WRONG_FILLS[case]
    only_contradicted(replay(given), a_report(OPEN, "0.4"), reason, fills)


def test_an_execution_within_the_distance_of_two_clocks_counts():
    """A clock may be wrong, but not by more than `CLOCKS_DIFFER`."""
    [fill] = executions(PART, executed_at=NOW - CLOCKS_DIFFER)
    assert names(found_in(an_order(), a_report(OPEN, "0.4"), [fill])) == ["Filled"]


@pytest.mark.parametrize("price", ["0", "0.5"])
def test_coins_may_be_executed_for_next_to_nothing(price):
    fills = executions(PART, price=Decimal(price))
    assert names(found_in(an_order(), a_report(OPEN, "0.4"), fills)) == ["Filled"]


def test_one_impossible_execution_hides_no_other_and_no_end():
    """The valid execution counts. The total and the end are what the exchange says of the order itself."""
    order = an_order()
    fills = [*executions(PART), *executions(REST, fee=Decimal("-0.1"))]
    report = replace(a_report(CLOSED, "1"), fills=fills)
    assert names(found_in(order, report)) == ["Filled", "Contradicted", "Progressed", "Closed"]
    record(order, found_in(order, report))
    assert (order.fills, order.filled, order.status) == ({"t1": Decimal("0.4")}, Decimal(1), CLOSED)
    assert found_in(order, report) == []


def replay(order):
    """Return the same order, replayed for one test alone."""
    again = None
    for event in order.pending_events:
        again = event.mutate(again)
    return again


def only_contradicted(order, report, reason, fills=()):
    """Check that the report adds one contradiction for this reason, moves nothing else and is recorded only once."""
    known = {"version", "contradictions", "modified_on", "_version", "_modified_on", "_pending_events"}
    before = {name: value for name, value in vars(deepcopy(order)).items() if name not in known}
    found = found_in(order, report, fills)
    assert names(found) == ["Contradicted"]
    assert not found[0].needs_two
    assert record(order, found) == ["Contradicted"]
    assert {name: value for name, value in vars(order).items() if name not in known} == before
    assert [name for name, _ in order.contradictions] == [reason]
    assert order.pending_events[-1].raw == report.raw
    assert found_in(order, report, fills) == []
    assert record(order, found) == []
