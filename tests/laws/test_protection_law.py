"""The law of protection: whatever an exchange forbids, refuses or loses, coins have a stop, are sold or are reported.

Each story runs one market in simulated time, with random rules, faults, partial fills, moves of the protection, partial
sales and prices. The wanted protection is read from the log, the resting orders from the exchange's own books. The log
alone is not trusted to keep wanting a stop until that stop has sold: this is checked separately.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.people.broker import StopStyle
from tests.laws.examples import examples
from tests.laws.protection_cases import (
    START,
    bitget_faults,
    bitget_markets,
    bitget_steps,
    faults,
    markets,
    shares,
    steps,
    stops,
    targets,
)
from tests.laws.protection_story import Story, told
from tests.laws.simulated_time import run

PLAIN = {
    "lacking": (), "band": None, "lists": True, "replaces": True, "lot": None, "notional": "5", "most": 200,
    "algo": 100, "most_lists": 100,
}  # fmt: skip


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])
@given(
    rules=st.just(PLAIN) | markets,
    style=st.sampled_from([StopStyle.MARKET, StopStyle.MARKET, StopStyle.LIMIT]),
    before=st.none() | faults,
    first=st.tuples(st.just("buy"), shares, stops, st.none() | targets),
    pause=st.sampled_from([0.3, 0.05, 3]),
    rest=steps,
)
def test_coins_have_a_stop_or_are_sold_or_are_told_of(rules, style, before, first, pause, rest):
    opening = [(pause, first)] if before is None else [(0.0, ("fault", before)), (pause, first)]
    told(rules, style, [*opening, *rest])


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.too_slow])
@given(
    lock_coins=st.booleans(),
    rules=st.just({"notional": "5"}) | bitget_markets,
    style=st.sampled_from([StopStyle.MARKET, StopStyle.MARKET, StopStyle.LIMIT]),
    before=st.none() | bitget_faults,
    first=st.tuples(st.just("buy"), shares, stops, st.none() | targets),
    pause=st.sampled_from([0.3, 0.05, 3]),
    rest=bitget_steps,
)
def test_the_same_holds_at_bitget_whether_or_not_stops_lock_coins(lock_coins, rules, style, before, first, pause, rest):
    """A stop that waits on the wrong side of the price counts for nothing."""
    opening = [(pause, first)] if before is None else [(0.0, ("fault", before)), (pause, first)]
    told(rules, style, [*opening, *rest], "bitget", lock_coins=lock_coins)


@pytest.mark.parametrize(("target", "kind"), [(None, "STOP_LOSS"), ("1.1", "LIMIT_MAKER")])
def test_a_stop_whose_request_was_lost_is_carried_out_when_its_price_is_passed(target, kind):
    lost = ("lose_request", "place_order", (0, ""), 1, kind)
    steps = [(0.0, ("fault", lost)), (1, ("buy", 50, "0.9", target)), (3, ("price", "0.89"))]
    told(PLAIN, StopStyle.MARKET, steps)


def test_an_exit_is_sold_although_its_stop_takes_the_last_place():
    story = told({**PLAIN, "most": 1}, StopStyle.MARKET, [(1, BUY), (3, ("sell", 100))])
    assert not story.platform.position().is_open


def test_a_stop_that_takes_the_last_place_is_moved():
    steps = [(1, BUY), (3, ("move", "0.95", None, 100))]
    story = told({**PLAIN, "algo": 1}, StopStyle.MARKET, steps)
    assert [o.stop_price for o in story.platform.resting()] == [START * 95 / 100]


def test_what_is_bought_later_comes_under_a_stop_that_takes_the_last_place():
    story = told({**PLAIN, "algo": 1}, StopStyle.MARKET, [(1, BUY), (3, BUY)])
    assert story.stopped() >= story.need()[0]


def test_a_share_that_cannot_rest_is_answered():
    told({**PLAIN, "algo": 1}, StopStyle.MARKET, [(1, BUY), (3, ("move", "0.9", None, 50))])


def test_a_stop_refused_as_about_to_trigger_is_told_of():
    refused = ("refuse", "place_order", (-2010, "Order would trigger immediately."), 30, "STOP_LOSS")
    told(PLAIN, StopStyle.MARKET, [(0.0, ("fault", refused)), (30, BUY)])


def test_a_stop_at_a_limit_that_the_price_has_jumped_over_is_told_of():
    story = told(PLAIN, StopStyle.LIMIT, [(1, ("buy", 100, "0.95", "1.02")), (3, ("price", "0.89"))])
    assert story.platform.position().lost == "stop_not_sold"


def test_what_is_bought_after_a_stop_was_carried_out_is_not_sold_by_it():
    steps = [(1, ("buy", 50, "0.95", None)), (3, ("move", "0.95", None, 50)), (5, ("price", "0.89"))]
    story = told(PLAIN, StopStyle.MARKET, [*steps, (3, ("buy", 50, None, None))])
    position = story.platform.position()
    assert position.is_open
    assert (position.wanted, position.lost) == (None, None)


@pytest.mark.parametrize("exchange", ["binance", "bitget"])
def test_a_share_whose_stop_was_passed_before_it_was_bought_is_sold_once(exchange):
    """The alert moves the protection of a buy that the exchange has not taken yet, and the price is below its stop."""
    rules = PLAIN if exchange == "binance" else {"notional": "5"}
    late = ("status_429", "place_order", (0, ""), 3, "")
    steps = [(0.0, ("fault", late)), (0.05, BUY), (1, ("price", "0.94")), (0.3, ("move", "0.95", "1.02", 10))]
    story = told(rules, StopStyle.MARKET, steps, exchange)
    bought, *_ = [order.filled for order in story.platform.books.orders()]
    assert Decimal("0.89") < story.platform.position().held / bought < Decimal("0.91")


def test_a_move_that_its_own_stop_overtakes_is_answered():
    """Nothing rested before, so no earlier protection can stay in force."""
    bare = {**PLAIN, "lacking": ("STOP_LOSS",), "band": ("1.05", "0.95")}
    steps = [(0.3, ("buy", 100, "0.95", None)), (0.05, ("price", "0.89")), (0.05, ("move", "0.95", None, 50))]
    told(bare, StopStyle.LIMIT, steps)


def test_the_next_form_is_tried_at_once_while_nothing_rests():
    """It does not matter how often the same protection was refused before."""
    price_too_far = ("refuse", "place_order", (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"), 1, "STOP_LOSS")
    steps = [(0.0, ("fault", price_too_far)), (0.3, ("buy", 100, "0.95", None)), (1, ("rest", 50, "1.02"))]
    alone = {**PLAIN, "lists": False, "replaces": False}
    rest = [(1, ("move", "0.95", "1.02", 50)), (0.3, ("rules", alone)), (0.05, ("part", "0.1"))]
    told(PLAIN, StopStyle.MARKET, [*steps, *rest])


def test_a_share_below_a_new_minimum_leaves_what_rests():
    story = Story(PLAIN, StopStyle.MARKET)
    story.rules = {**PLAIN, "notional": "90"}
    run(story.told_by([(3, BUY), (1, ("rules", story.rules)), (3, ("move", "0.9", None, 1))]), story.loop)
    assert story.stopped() >= story.platform.position().held


def test_a_move_without_a_price_is_refused():
    story = told(PLAIN, StopStyle.MARKET, [(1, BUY), (3, ("move", None, None, 1))])
    assert [webhook.status for webhook in story.platform.books.webhooks()] == ["executed", "refused"]


BUY = ("buy", 50, "0.9", None)
