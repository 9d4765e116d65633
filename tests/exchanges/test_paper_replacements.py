"""Cancel-replace at the paper Binance: two acts in one request, and the result of each in the answer."""

from __future__ import annotations

import pytest

from tests.exchanges.native import Native, told
from tests.exchanges.test_paper_counts import counted
from tests.exchanges.test_paper_limits import one_moment

STOP, ALLOW = "STOP_ON_FAILURE", "ALLOW_FAILURE"
UNKNOWN = {"code": -2011, "msg": "Unknown order sent."}
POOR = {"code": -2010, "msg": "Account has insufficient balance for requested action."}
FULL = (429, -1015, "Too many new orders; current limit is 1 orders per 10 SECOND.")


@pytest.fixture
def somebody(paper):
    """Return an account with one resting order, with the clock stopped."""
    one_moment(paper)
    trader = Native(paper, USDT="1000", BTC="1")
    trader.place("LIMIT", price="60000", quantity="0.6", newClientOrderId="old")
    return trader


def replace(somebody, mode=STOP, old="old", kind="LIMIT", quantity="0.6", **more):
    """Replace the old order with a new sell, by default at a limit of 61,000."""
    price = {"price": "61000"} if kind == "LIMIT" else {}
    wish = somebody.wish(kind, quantity=quantity, **({"newClientOrderId": "new"} | price | more))
    return somebody.ask("POST", "order/cancelReplace", cancelReplaceMode=mode, cancelOrigClientOrderId=old, **wish)


def results(answer):
    """Return the status, the code and the results of both halves."""
    data = answer.body.get("data", answer.body)
    return answer.status, answer.body.get("code"), data["cancelResult"], data["newOrderResult"]


def test_the_freed_coins_pay_for_the_new_order(paper, somebody):
    """Both halves succeed, although the coins do not suffice for two orders. The new order counts."""
    answer = replace(somebody)
    assert results(answer) == (200, None, "SUCCESS", "SUCCESS")
    assert (answer.body["cancelResponse"]["status"], answer.body["newOrderResponse"]["status"]) == ("CANCELED", "NEW")
    assert (somebody.resting(), counted(somebody), somebody.held("BTC")[1]) == (["new"], [2, 2], "0.60000000")
    assert replace(somebody, old="new", newClientOrderId="new").status == 200


@pytest.mark.parametrize(
    ("filters", "more"),
    [
        ({}, {"price": "61000.001"}),
        ({"MAX_NUM_ORDERS": {"maxNumOrders": 1}}, {}),
        ({"MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": 0}}, {"kind": "STOP_LOSS", "stopPrice": "40000"}),
        ({"PERCENT_PRICE_BY_SIDE": {"askMultiplierUp": "1.21"}}, {}),
    ],
)
def test_a_filter_is_weighed_with_the_old_order_still_there(paper, somebody, filters, more):
    """The whole request is refused: nothing is cancelled and nothing is counted."""
    told(paper, filters=filters)
    answer = replace(somebody, **more)
    assert (answer.body["code"], "data" in answer.body) == (-1013, False)
    assert (somebody.resting(), counted(somebody)) == (["old"], [1, 1])


def test_without_the_old_order_nothing_is_tried_but_it_counts(paper, somebody):
    """If failure is allowed, the new order is placed beside the resting one."""
    stopped = replace(somebody, old="nobody", quantity="0.1")
    assert results(stopped) == (400, -2022, "FAILURE", "NOT_ATTEMPTED")
    assert stopped.body["data"] == {
        "cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED", "cancelResponse": UNKNOWN,
        "newOrderResponse": None,
    }  # fmt: skip
    assert (somebody.resting(), counted(somebody)) == (["old"], [2, 2])
    allowed = replace(somebody, ALLOW, old="nobody", quantity="0.1")
    assert results(allowed) == (409, -2021, "FAILURE", "SUCCESS")
    assert (somebody.resting(), counted(somebody)) == (["old", "new"], [3, 3])
    assert results(replace(somebody, ALLOW, old="nobody", quantity="9")) == (400, -2022, "FAILURE", "FAILURE")


@pytest.mark.parametrize("mode", [STOP, ALLOW])
@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"quantity": "9"}, POOR),
        ({"kind": "STOP_LOSS", "stopPrice": "51000"}, {"code": -2010, "msg": "Order would trigger immediately."}),
    ],
)
def test_a_new_order_that_is_refused_leaves_the_old_one_cancelled(paper, somebody, mode, more, says):
    """Status 409 says that one half was done. The refused order counts."""
    answer = replace(somebody, mode, **more)
    assert results(answer) == (409, -2021, "SUCCESS", "FAILURE")
    assert answer.body["data"]["cancelResponse"]["origClientOrderId"] == "old"
    assert answer.body["data"]["newOrderResponse"] == says
    assert (somebody.resting(), counted(somebody)) == ([], [2, 2])


def test_coins_that_are_not_free_yet_are_said_of_the_new_order_alone(paper, somebody):
    """The fault strikes the new order; the old one is cancelled."""
    paper.fault("place_order", "insufficient")
    answer = replace(somebody)
    assert (results(answer), answer.body["data"]["newOrderResponse"]) == ((409, -2021, "SUCCESS", "FAILURE"), POOR)


def test_over_the_count_nothing_happens_or_only_the_cancel(paper, somebody):
    """By default nothing happens. With CANCEL_ONLY, the old order is still cancelled."""
    paper.control("PUT", "counts", {"limits": {"10S": 1}})
    plain = replace(somebody)
    assert (plain.said, "data" in plain.body, plain.headers["Retry-After"] is None) == (FULL, False, False)
    assert somebody.resting() == ["old"]
    missed = replace(somebody, ALLOW, old="nobody", orderRateLimitExceededMode="CANCEL_ONLY")
    assert results(missed) == (400, -2022, "FAILURE", "FAILURE")
    cancelled = replace(somebody, orderRateLimitExceededMode="CANCEL_ONLY")
    assert results(cancelled) == (409, -2021, "SUCCESS", "FAILURE")
    assert cancelled.body["data"]["newOrderResponse"] == {"code": FULL[1], "msg": FULL[2]}
    assert (somebody.resting(), counted(somebody)) == ([], [1, 1])


def test_a_count_used_up_by_others_stops_a_replacement_too(paper, somebody):
    """Nothing changes, and the answer gives the seconds to wait."""
    paper.fault("place_order", "count_exceeded", seconds=20)
    answer = replace(somebody)
    assert (answer.said[:2], 0 < int(answer.headers["Retry-After"]) <= 20) == ((429, -1015), True)
    assert somebody.resting() == ["old"]


@pytest.mark.parametrize("state", ["NEW", "PARTIALLY_FILLED"])
def test_what_may_only_be_cancelled_in_another_state_stays(paper, somebody, state):
    """The unmet restriction is reported inside the failure. A restriction that is met lets both halves through."""
    if state == "PARTIALLY_FILLED":
        somebody.ask("DELETE", "order", symbol="BTCUSDT", origClientOrderId="old")
        paper.fault("place_order", "partial_fill")
        somebody.place("LIMIT", price="50000", quantity="0.6", newClientOrderId="old")
    wrong, right = ("ONLY_NEW", "ONLY_PARTIALLY_FILLED")[:: -1 if state == "NEW" else 1]
    answer = replace(somebody, cancelRestrictions=wrong, quantity="0.1")
    no = {"code": -2011, "msg": "Order was not canceled due to cancel restrictions."}
    assert results(answer) == (400, -2022, "FAILURE", "NOT_ATTEMPTED")
    assert answer.body["data"]["cancelResponse"] == no
    plain = somebody.ask("DELETE", "order", symbol="BTCUSDT", origClientOrderId="old", cancelRestrictions=wrong)
    assert plain.body == no
    assert replace(somebody, cancelRestrictions=right, quantity="0.1").status == 200


def test_cancelling_a_leg_cancels_its_list(paper, somebody):
    """The coins of the whole list pay for the new order."""
    made = somebody.oco(quantity="0.4").body
    answer = replace(somebody, old=made["orders"][0]["clientOrderId"], quantity="0.4")
    assert (answer.status, somebody.resting()) == (200, ["old", "new"])


@pytest.mark.parametrize(
    ("less", "more", "code"),
    [
        ({"cancelReplaceMode"}, {}, -1102),
        (set(), {"cancelReplaceMode": "MAYBE"}, -1128),
        (set(), {"orderRateLimitExceededMode": "MAYBE"}, -1128),
        ({"cancelOrigClientOrderId"}, {}, -1102),
    ],
)
def test_a_request_that_does_not_say_what_it_wants_is_refused(paper, somebody, less, more, code):
    """The mode is missing, the order to cancel is missing, or a mode is unknown."""
    wish = somebody.wish("LIMIT", price="61000", cancelReplaceMode=STOP, cancelOrigClientOrderId="old")
    answer = somebody.ask(
        "POST", "order/cancelReplace", **{name: value for name, value in (wish | more).items() if name not in less}
    )
    assert (answer.status, answer.body["code"], somebody.resting()) == (400, code, ["old"])


def test_over_the_websocket_api_the_halves_are_in_the_error(paper, somebody):
    """Both halves are next to the error's code and message."""
    wish = somebody.wish("LIMIT", price="61000", cancelReplaceMode=STOP, cancelOrigClientOrderId="nobody")
    answer = somebody.say("order.cancelReplace", **wish)
    assert (answer["status"], answer["error"]["code"]) == (400, -2022)
    assert answer["error"]["data"]["cancelResponse"] == UNKNOWN
