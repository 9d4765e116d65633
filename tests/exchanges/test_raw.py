"""What an exchange says is kept whole: no field that we do not know is dropped, shortened or changed."""

from __future__ import annotations

import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.exchanges.binance import messages as binance
from adapters.exchanges.bitget import messages as bitget
from adapters.exchanges.bitget.lineage import join
from tests.exchanges.binance.test_binance_garbage import EXECUTION, TRADE
from tests.exchanges.binance.test_binance_garbage import ORDER as BINANCE_ORDER
from tests.exchanges.binance.test_binance_shapes import AMOUNTS
from tests.exchanges.bitget.test_bitget_answers import ORDER as BITGET_ORDER
from tests.exchanges.bitget.test_bitget_plans import PLAN

PUSH = {
    "instId": "BTCUSDT", "orderId": "1", "clientOid": "mine", "side": "buy", "orderType": "limit", "status": "filled",
    "newSize": "0.01", "accBaseVolume": "0.01", "priceAvg": "40000", "price": "40000", "cTime": "1796029416042",
}  # fmt: skip
FILL = {
    "orderId": "1", "tradeId": "2", "priceAvg": "40000", "size": "0.01", "tradeScope": "maker",
    "feeDetail": {"feeCoin": "BTC", "totalFee": "-0.00001"}, "cTime": "1796029416042",
}  # fmt: skip
READERS = {
    "binance order": (binance.reports_of, {**BINANCE_ORDER, **AMOUNTS, "time": 1}),
    "binance execution": (binance.report_of_execution, EXECUTION),
    "binance trade": (binance.fills_of, TRADE),
    "bitget order": (bitget.reports_of, BITGET_ORDER),
    "bitget open order": (bitget.open_reports_of, BITGET_ORDER),
    "bitget push": (bitget.report_of_push, PUSH),
    "bitget plan push": (bitget.report_of_plan_push, {**PLAN, "instId": "BTCUSDT"}),
    "bitget fill": (partial(bitget.fills_of, "1"), FILL),
}
LISTED = frozenset({"binance order", "binance trade", "bitget order", "bitget open order", "bitget fill"})
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts | st.decimals(allow_nan=False, allow_infinity=False).map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
unknown = st.dictionaries(texts.map(lambda name: f"new {name}"), values, max_size=4)


@pytest.mark.parametrize("name", READERS)
@given(more=unknown)
def test_every_field_of_an_answer_is_kept(name, more):
    """Also those that no version of ours knows, and numbers to their last digit."""
    read, row = READERS[name]
    said = {**row, **more}
    sent = [said] if name in LISTED else said
    found = read(json.dumps(sent, ensure_ascii=False).encode())
    [report] = found if isinstance(found, list) else [found]
    assert json.loads(report.raw) == said


@given(first=unknown, second=unknown)
def test_a_plan_order_keeps_its_own_answer_and_that_of_what_it_became(first, second):
    plan, order = {**PLAN, **first}, {**BITGET_ORDER, **second}
    [told] = bitget.plans_of(json.dumps({"orderList": [plan]}).encode())
    joined = join(told, bitget.report_of(json.dumps(order).encode()))
    assert json.loads(joined.raw) == {"plan": plan, "order": order}
