"""Random markets, faults and steps for the stories of protection."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from adapters.paper.faults import TOO_MANY
from adapters.paper.pairs import PAIRS
from domain.alert import Cause

SYMBOL, PAIR, START = "BTC/USDT", PAIRS["BTC/USDT"], Decimal(50000)
BARE_FOR, TOLD_WITHIN, SOLD_WITHIN, VALID_FOR = 3.0, 10.0, 5.0, 7.0
"""Limits in seconds: without a stop although one is allowed; until the owner is told; until a passed stop is sold; and
how long an unanswered request may still be carried out."""
LOOK, CALM = 0.1, 120
NO_REFUSALS = frozenset({"too_many_orders", "rate_limited", "clock_skewed"})
"""The reasons for which no webhook may end: the platform waits out a limit or a clock error."""
SILENT = frozenset({None, "not_protectable", "in_exit", "carried_out"})
TELLING = (
    Cause.POSITION_UNPROTECTED, Cause.EXIT_REJECTED, Cause.EXIT_STALE, Cause.ORDER_UNKNOWN, Cause.DOUBT_LASTS,
)  # fmt: skip
REFUSALS = [
    (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"), (-1013, "Filter failure: MAX_NUM_ALGO_ORDERS"),
    (-1013, "Filter failure: MARKET_LOT_SIZE"), (-1013, "Filter failure: NOTIONAL"),
    (-1111, "Precision is over the maximum defined for this asset."),
    (-2010, "Account has insufficient balance for requested action."),
    (-2010, "Stop loss orders are not supported for this symbol."), (-2010, "This action is disabled on this account."),
]  # fmt: skip
LOST = frozenset({"lose_answer", "lose_request", "status_500"})

# --- stories -----------------------------------------------------------------------------------------------------

ALL_TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT")
lacking = st.sampled_from(
    [(), (), ("STOP_LOSS",), ("STOP_LOSS_LIMIT",), ("LIMIT_MAKER",), ("STOP_LOSS", "STOP_LOSS_LIMIT")]
)
bands = st.sampled_from([None, None, ("1.05", "0.95"), ("1.2", "0.8"), ("1.05", "0.998")])
markets = st.fixed_dictionaries(
    {
        "lacking": lacking, "band": bands, "lists": st.booleans(), "replaces": st.booleans(),
        "lot": st.sampled_from([None, None, "0.03", "0.05"]), "notional": st.sampled_from(["5", "90", "400"]),
        "most": st.sampled_from([200, 200, 9, 4, 1]), "algo": st.sampled_from([100, 5, 3, 1]),
        "most_lists": st.sampled_from([100, 1]),
    }
)  # fmt: skip
levels = st.sampled_from(["0.89", "0.94", "0.69", "0.97", "1", "1.03", "1.12"])
stops, targets = st.sampled_from(["0.95", "0.9", "0.7"]), st.sampled_from(["1.02", "1.1", "1.5"])
shares = st.sampled_from([100, 50, 10, 1])
faults = st.one_of(
    st.tuples(
        st.just("refuse"), st.just("place_order"), st.sampled_from(REFUSALS), st.sampled_from([1, 30]),
        st.just("STOP_LOSS"),
    ),
    st.tuples(
        st.just("refuse"), st.sampled_from(["place_order", "place_order", "cancel_order"]),
        st.sampled_from(REFUSALS), st.sampled_from([1, 2, 30]), st.sampled_from(["", "MARKET", "LIMIT_MAKER"]),
    ),
    st.tuples(
        st.sampled_from(["clock_refused", "lose_answer", "lose_request", "status_429", "insufficient"]),
        st.just("place_order"), st.just((0, "")), st.sampled_from([1, 1, 3]), st.just(""),
    ),
    st.tuples(
        st.sampled_from(["clock_refused", "lose_answer", "lose_request"]),
        st.just("cancel_order"), st.just((0, "")), st.sampled_from([1, 1, 3]), st.just(""),
    ),
    st.tuples(
        st.just(TOO_MANY), st.just("place_order"), st.just((0, "")), st.sampled_from([2, 8, 25]), st.just(""),
    ),
    st.tuples(
        st.just("partial_fill"), st.just("place_order"), st.just((0, "")), st.just(1), st.just("MARKET"),
    ),
)  # fmt: skip
BITGET_REFUSALS = [
    (43012, "Insufficient balance"), (45110, "less than the minimum amount 5 USDT"), (43009, "price limit"),
    (43005, "Exceeds the maximum number of orders"), (40808, "Parameter verification exception"), (43011, "refused"),
    (43115, "The trading pair is under maintenance"), (40010, "Request timed out"),
]  # fmt: skip
bitget_faults = st.one_of(
    st.tuples(
        st.just("refuse"), st.sampled_from(["place_order", "place_order", "cancel_order"]),
        st.sampled_from(BITGET_REFUSALS), st.sampled_from([1, 2, 30]), st.sampled_from(["", "MARKET", "LIMIT"]),
    ),
    st.tuples(
        st.sampled_from(["clock_refused", "lose_answer", "lose_request", "status_429", "insufficient"]),
        st.just("place_order"), st.just((0, "")), st.sampled_from([1, 1, 3]), st.just(""),
    ),
    st.tuples(
        st.sampled_from(["clock_refused", "lose_answer", "lose_request", "status_500"]),
        st.just("cancel_order"), st.just((0, "")), st.sampled_from([1, 1, 3]), st.just(""),
    ),
    st.tuples(st.just("fail_execute"), st.just("trigger"), st.just((0, "")), st.just(1), st.just("")),
    st.tuples(st.just("partial_fill"), st.just("place_order"), st.just((0, "")), st.just(1), st.just("MARKET")),
)  # fmt: skip
acts = st.one_of(
    st.tuples(st.just("price"), levels),
    st.tuples(st.just("price"), levels),
    st.tuples(st.just("fault"), faults),
    st.tuples(st.just("fault"), faults),
    st.tuples(st.just("move"), st.none() | stops, st.none() | targets, shares),
    st.tuples(st.just("sell"), shares),
    st.tuples(st.just("rest"), shares, targets),
    st.tuples(st.just("buy"), shares, st.none() | stops, st.none() | targets),
    st.tuples(st.just("part"), st.sampled_from(["0.1", "0.5", "0.97"])),
    st.tuples(st.just("rules"), markets),
)
bitget_markets = st.fixed_dictionaries({"notional": st.sampled_from(["5", "90", "400"])})
bitget_acts = st.one_of(
    st.tuples(st.just("price"), levels),
    st.tuples(st.just("price"), levels),
    st.tuples(st.just("fault"), bitget_faults),
    st.tuples(st.just("fault"), bitget_faults),
    st.tuples(st.just("move"), st.none() | stops, st.none() | targets, shares),
    st.tuples(st.just("sell"), shares),
    st.tuples(st.just("rest"), shares, targets),
    st.tuples(st.just("buy"), shares, st.none() | stops, st.none() | targets),
    st.tuples(st.just("rules"), bitget_markets),
)
pauses = st.sampled_from([0.05, 0.01, 0.3, 1, 3, 12, 70])
bitget_steps = st.lists(st.tuples(pauses, bitget_acts), max_size=7)
steps = st.lists(st.tuples(pauses, acts), max_size=7)


def rule_changes(chosen):
    """Return the chosen rules as changes to the paper exchange's market."""
    if chosen.keys() == {"notional"}:
        return {"filters": {"NOTIONAL": {"minNotional": chosen["notional"]}}}
    up, down = chosen["band"] or (None, None)
    return {
        "order_types": [kind for kind in ALL_TYPES if kind not in chosen["lacking"]],
        "oco_allowed": chosen["lists"], "cancel_replace_allowed": chosen["replaces"],
        "filters": {
            "PERCENT_PRICE_BY_SIDE": {"askMultiplierUp": up, "askMultiplierDown": down},
            "MARKET_LOT_SIZE": {"maxQty": chosen["lot"] or "9000000"},
            "NOTIONAL": {"minNotional": chosen["notional"]},
            "MAX_NUM_ORDERS": {"maxNumOrders": chosen["most"]},
            "MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": chosen["algo"]},
            "MAX_NUM_ORDER_LISTS": {"maxNumOrderLists": chosen["most_lists"]},
        },
    }  # fmt: skip
