"""Sentences written by earlier versions are read as data: all that they could write, and unexpected ones."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.orders.order_status import Status
from domain.sentences import contradiction_of, fact_of, failure_of, silence_of, statement_of

amounts = st.decimals(min_value=0, allow_nan=False, allow_infinity=False).map(lambda amount: f"{amount:f}")
spelt = st.decimals().map(str)
"""Amounts as earlier versions wrote those they did not trust: also with an exponent or as NaN."""
words = st.sampled_from(["NEW", "PARTIALLY_FILLED", "EXPIRED_IN_MATCH", "a new word", "", "x/y"])
names = st.sampled_from(["1", "28457", "BTCUSDT", "a: b", "7 of 9"])
statuses = st.sampled_from([*Status]).map(str)

STATEMENTS = {
    "{status} {filled}/{size}": ("order", {"status": words | statuses, "filled": amounts, "size": amounts}),
    "holds {amount} {currency}": ("holding", {"amount": amounts, "currency": st.sampled_from(["BTC", "1INCH"])}),
    "nothing": ("nothing", {}),
    "not found": ("not_found", {}),
    "unreadable": ("unreadable", {}),
    "listed": ("listed", {}),
}
FACTS = {
    "Accepted {exchange_order_id}": {"exchange_order_id": names},
    "Amended {quantity} at {price}": {"quantity": spelt, "price": spelt},
    "Filled trade {trade_id}: {quantity} at {price}": {"trade_id": names, "quantity": spelt, "price": spelt},
    "Progressed {cumulative_quantity} for {cumulative_cost}": {"cumulative_quantity": spelt, "cumulative_cost": spelt},
    "Corrected {theirs} instead of {ours}": {"theirs": statuses, "ours": statuses},
    "StatusUnknown {native_status}": {"native_status": words.filter(bool)},
    "Closed": {},
    "Cancelled": {},
    "Expired": {},
    "Rejected": {},
}
CONTRADICTIONS = {
    ("never_sent", "{status} as {exchange_order_id}"): {"status": words, "exchange_order_id": names},
    ("foreign_symbol", "{theirs} instead of {ours}"): {"theirs": names, "ours": names},
    ("side_contradicts", "{theirs} instead of {ours}"): {
        "theirs": st.sampled_from(["buy", "sell"]),
        "ours": st.sampled_from(["buy", "sell"]),
    },
    ("order_known_otherwise", "{theirs} instead of {ours}"): {"theirs": names, "ours": names},
    ("amounts_contradict", "{filled} of {quantity} for {cost}"): {"filled": spelt, "quantity": spelt, "cost": spelt},
    ("amounts_contradict", "the fills are more than the {filled} executed"): {"filled": spelt},
    ("amounts_contradict", "{status} with {filled} of {quantity}"): {
        "status": words,
        "filled": spelt,
        "quantity": spelt,
    },
    ("amounts_contradict", "{status} with all of {filled} executed"): {"status": words, "filled": amounts},
    ("executions_vanished", "{status} with {filled}, {before} were reported"): {
        "status": words,
        "filled": spelt,
        "before": spelt,
    },
    ("executions_missing", "{filled} executed, {listed} listed"): {"filled": amounts, "listed": amounts},
    ("fill_contradicts", "trade {trade_id} is no amount"): {"trade_id": names},
    ("fill_contradicts", "trade {trade_id}: {quantity} at {price}"): {
        "trade_id": names,
        "quantity": spelt,
        "price": spelt,
    },
    ("fill_contradicts", "trade {trade_id}: {quantity} is more than the order of {size} has left"): {
        "trade_id": names,
        "quantity": spelt,
        "size": spelt,
    },
    ("fill_contradicts", "trade {trade_id}: {theirs} instead of {ours}"): {
        "trade_id": names,
        "theirs": spelt,
        "ours": spelt,
    },
    ("fee_negative", "trade {trade_id}: a fee of {fee}"): {"trade_id": names, "fee": spelt},
    ("time_runs_backwards", "trade {trade_id} at {executed_at}"): {
        "trade_id": names,
        "executed_at": st.datetimes().map(datetime.isoformat),
    },
}


@pytest.mark.parametrize("form", STATEMENTS)
@given(data=st.data())
def test_every_statement_of_a_side_is_read(form, data):
    """A side's statement is read whatever it names and however large its amounts are."""
    kind, drawn = STATEMENTS[form]
    values = data.draw(st.fixed_dictionaries(drawn))
    assert statement_of(form.format(**values)) == {"kind": kind, "values": values}


@pytest.mark.parametrize("form", FACTS)
@given(data=st.data())
def test_every_recorded_fact_is_read(form, data):
    """The values have the names that the fact's event uses."""
    values = data.draw(st.fixed_dictionaries(FACTS[form]))
    event = form.partition(" ")[0]
    assert fact_of(form.format(**values)) == {"event": event, "values": values}


def test_a_change_without_a_price_is_read_without_one():
    assert fact_of("Amended 1.5 at None") == {"event": "Amended", "values": {"quantity": "1.5"}}


@pytest.mark.parametrize("case", CONTRADICTIONS, ids=" ".join)
@given(data=st.data())
def test_every_contradiction_is_read(case, data):
    """A contradiction is read both alone, as the order records it, and among the facts of a reconciliation."""
    reason, form = case
    values = data.draw(st.fixed_dictionaries(CONTRADICTIONS[case]))
    said = form.format(**values)
    assert contradiction_of(reason, said) == values
    told = {"event": "Contradicted", "values": {"reason": reason, **values}}
    assert fact_of(f"Contradicted {reason}: {said}") == told


@pytest.mark.parametrize("said", ["", "7", "half of it", "Filled half of it", "Unheard_of 7", "Closed at noon"])
def test_whatever_cannot_be_read_is_kept_as_it_was(said):
    """Unreadable text is kept, so no history is lost."""
    assert statement_of(said) == {"kind": "unreadable", "values": {"said": said}}
    assert fact_of(said) == {"event": "unreadable", "values": {"said": said}}
    assert contradiction_of("fill_contradicts", said) == ({"said": said} if said else {})


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("the connection was closed", ("connection_closed", "")),
        ("the exchange does not show it", ("not_shown", "")),
        ("-1007: Timeout waiting for response", ("no_answer", "-1007: Timeout waiting for response")),
    ],
)
def test_the_reason_of_a_doubt_is_a_code_and_its_words(said, read):
    assert silence_of(said) == read


@pytest.mark.parametrize(
    ("said", "code", "read"),
    [
        ("TimeoutError: ", None, ("too_slow", "")),
        (
            "NoAnswer: no connection: refused",
            "exchange_unreachable",
            ("exchange_unreachable", "no connection: refused"),
        ),
        ("RefusedByExchange: -2015: Invalid API-key", "key_refused", ("key_refused", "-2015: Invalid API-key")),
        ("PartlyUnreadable: cannot read it", None, ("unreadable", "cannot read it")),
        ("something else", None, ("no_answer", "something else")),
    ],
)
def test_the_reason_of_a_failed_reconciliation_is_a_code_and_its_words(said, code, read):
    assert failure_of(said, code) == read
