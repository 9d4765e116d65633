"""The paper Binance counts new orders as Binance does: a fill gives counts back, and a refused order does not count."""

from __future__ import annotations

import pytest

from tests.exchanges.native import Native, refused_by_control
from tests.exchanges.test_paper_limits import one_moment

FULL = (429, -1015, "Too many new orders; current limit is 3 orders per 10 SECOND.")


@pytest.fixture
def somebody(paper):
    """Return an account that may place three orders in ten seconds, with the clock stopped."""
    one_moment(paper)
    paper.control("PUT", "counts", {"limits": {"10S": 3}})
    return Native(paper)


def counted(somebody):
    """Return the exchange's counts for ten seconds and for the day."""
    return [row["count"] for row in somebody.ask("GET", "rateLimit/order").body]


def test_an_order_over_the_limit_is_refused_with_the_time_to_wait(paper, somebody):
    """REST gives the wait in seconds, the WebSocket API the moment when it ends.

    Nothing is placed and nothing is counted.
    """
    accepted = [somebody.place("LIMIT", price="60000") for _ in range(3)]
    refused = somebody.place("LIMIT", price="60000")
    over_socket = somebody.say("order.place", **somebody.wish("LIMIT", price="60000"))
    assert [answer.headers["X-MBX-ORDER-COUNT-10S"] for answer in accepted] == ["1", "2", "3"]
    assert (refused.said, refused.headers["X-MBX-ORDER-COUNT-10S"]) == (FULL, None)
    assert 0 < int(refused.headers["Retry-After"]) <= 10
    error = over_socket["error"]
    assert (over_socket["status"], error["code"], error["msg"]) == FULL
    assert 0 < error["data"]["retryAfter"] - error["data"]["serverTime"] <= 10_000
    assert [limit["rateLimitType"] for limit in over_socket["rateLimits"]] == ["REQUEST_WEIGHT"]
    assert (counted(somebody), len(somebody.resting())) == ([3, 3], 3)


def test_a_new_window_has_room_again(paper, somebody):
    """The count of the day goes on."""
    for _ in range(3):
        somebody.place("LIMIT", price="60000")
    budgets = paper._server.paper.budgets
    moment = budgets._clock()
    budgets._clock = lambda: moment + 10_000
    assert somebody.place("LIMIT", price="60000").status == 200
    assert counted(somebody) == [1, 4]


def test_the_limits_are_shown_with_the_counts(paper, somebody):
    """The limits are in `exchangeInfo`, in `rateLimit/order`, and in answers over the WebSocket API."""
    limits = somebody.public("exchangeInfo").body["rateLimits"]
    shown = [row["limit"] for row in limits if row["rateLimitType"] == "ORDERS"]
    placed = somebody.say("order.place", **somebody.wish("LIMIT", price="60000"))
    limits = [(row["limit"], row["count"]) for row in placed["rateLimits"] if row["rateLimitType"] == "ORDERS"]
    assert (shown, limits) == ([3, 200_000], [(3, 1), (200_000, 1)])
    assert [row["limit"] for row in somebody.ask("GET", "rateLimit/order").body] == [3, 200_000]


def test_a_refused_order_does_not_count(paper, somebody):
    """One order fails a filter, one lacks coins, and one list has its stop above the market."""
    somebody.place("LIMIT", price="60000.001")
    somebody.place("LIMIT", price="60000", quantity="20")
    somebody.oco(stop="60001")
    assert counted(somebody) == [0, 0]


def test_a_list_counts_twice_and_has_to_fit(paper, somebody):
    """With one order counted, a list still fits. With two, it is refused."""
    somebody.place("LIMIT", price="60000")
    assert somebody.oco().status == 200
    assert counted(somebody) == [3, 3]
    paper.control("PUT", "counts", {"used": {"10S": 2}})
    assert somebody.oco().said == FULL


def test_what_trades_at_once_is_given_back_before_the_answer(paper, somebody):
    """Market orders can therefore be repeated without limit."""
    answers = [somebody.place("MARKET") for _ in range(5)]
    assert {answer.headers["X-MBX-ORDER-COUNT-10S"] for answer in answers} == {"0"}
    assert counted(somebody) == [0, 0]


def test_only_the_first_trade_of_an_order_gives_back(paper, somebody):
    """The fill at placement gives one count back; the later fill gives none."""
    paper.control("PUT", "counts", {"limits": {"10S": 100}, "used": {"10S": 50}})
    paper.fault("place_order", "partial_fill")
    somebody.place("LIMIT", price="50000")
    before = counted(somebody)[0]
    paper.hold("BTC/USDT", "51000")
    assert (before, counted(somebody)[0], somebody.resting()) == (50, 50, [])


def test_what_rested_before_it_traded_gives_back_five_and_never_more_than_there_is(paper, somebody):
    """The first fill gives back five.

    The second one would give back more than is counted, so the counts stop at zero.
    """
    paper.control("PUT", "counts", {"limits": {"10S": 100}, "used": {"10S": 6, "1D": 7}})
    somebody.place("LIMIT", price="51000")
    paper.hold("BTC/USDT", "51000")
    assert counted(somebody) == [2, 3]
    somebody.place("LIMIT", price="52000")
    paper.hold("BTC/USDT", "52000")
    assert counted(somebody) == [0, 0]


def test_the_counts_of_one_account_can_be_set(paper, somebody):
    """Another account keeps its own counts."""
    other = Native(paper)
    paper.control("PUT", "counts", {"used": {"10S": 3}, "account": somebody.keys["key"]})
    assert somebody.place("LIMIT", price="60000").said == FULL
    assert other.place("LIMIT", price="60000").status == 200


def test_the_limit_of_the_day_is_told_as_such(paper, somebody):
    """The daily window ends at midnight."""
    paper.control("PUT", "counts", {"used": {"1D": 200_000}})
    refused = somebody.place("LIMIT", price="60000")
    assert refused.said[2] == "Too many new orders; current limit is 200000 orders per 1 DAY."
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400


def test_the_weight_can_be_driven_from_outside(paper, somebody):
    """The set weight is reported and enforced until it is released."""
    paper.control("PUT", "counts", {"weight": 5100})
    assert somebody.public("ping").headers["X-MBX-USED-WEIGHT-1M"] == "5100"
    assert somebody.say("order.status", symbol="BTCUSDT", orderId="1")["rateLimits"][0]["count"] == 5100
    paper.control("PUT", "counts", {"weight": 6000})
    assert somebody.public("ping").said[:2] == (429, -1003)
    paper.control("PUT", "counts", {"weight": None})
    assert int(somebody.public("ping").headers["X-MBX-USED-WEIGHT-1M"]) < 5100


def test_a_limit_used_up_by_others_is_open_again_when_its_time_is_over(paper, somebody):
    """Until then, every order and list is refused with the time left to wait."""
    now = somebody.public("time").body["serverTime"]
    paper.fault("place_order", "count_exceeded", seconds=30)
    refused, listed = somebody.place("MARKET"), somebody.oco()
    assert refused.said == listed.said == FULL
    assert 25 <= int(refused.headers["Retry-After"]) <= 30
    faults = paper._server.paper.faults
    faults.clock = lambda: now + 31_000
    assert somebody.place("MARKET").status == 200
    assert paper.control("GET", "faults") == []


@pytest.mark.parametrize(
    "bad",
    [{"limits": {"1M": 5}}, {"limits": {"10S": -1}}, {"used": {"10S": "3"}}, {"account": "nobody"}, {"weight": "much"}],
)
def test_bad_counts_are_refused_and_change_nothing(paper, somebody, bad):
    """The valid part of the same request is not applied either."""
    assert refused_by_control(paper, "PUT", "counts", {"limits": {"1D": 7}, "used": {"1D": 9}} | bad)
    shown = [(row["limit"], row["count"]) for row in somebody.ask("GET", "rateLimit/order").body]
    assert shown == [(3, 0), (200_000, 0)]
