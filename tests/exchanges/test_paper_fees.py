"""An account can pay its fees in BNB, with Binance's discount."""

from __future__ import annotations

import pytest

from tests.exchanges.native import Native, refused_by_control


@pytest.fixture
def priced(paper):
    """Return the paper exchange with BTC at 50,000 USDT and BNB at 500."""
    paper.hold("BNB/USDT", "500")
    return paper


@pytest.mark.parametrize(("side", "received", "all_of_it"), [("SELL", "USDT", "5000"), ("BUY", "BTC", "0.1")])
def test_fees_are_taken_from_the_bnb_at_three_quarters(priced, side, received, all_of_it):
    """The fee is 5,000 USDT x 0.001 x 0.75 / 500, and the received amount is credited in full."""
    somebody = Native(priced, fees_in="BNB", **{"USDT": "5000", "BTC": "0.1", "BNB": "1"} | {received: "0"})
    answer = somebody.place("MARKET", side, "0.1")
    assert [(fill["commission"], fill["commissionAsset"]) for fill in answer.body["fills"]] == [("0.00750000", "BNB")]
    assert (somebody.held("BNB")[0], float(somebody.held(received)[0])) == ("0.99250000", float(all_of_it))
    [trade] = somebody.ask("GET", "myTrades", symbol="BTCUSDT").body
    assert (trade["commission"], trade["commissionAsset"]) == ("0.00750000", "BNB")


def test_too_little_bnb_is_left_alone(priced):
    """The whole fee is taken from the received currency."""
    somebody = Native(priced, fees_in="BNB", BTC="0.1", BNB="0.007")
    [fill] = somebody.place("MARKET", quantity="0.1").body["fills"]
    assert (fill["commission"], fill["commissionAsset"]) == ("5.00000000", "USDT")
    assert (somebody.held("BNB")[0], somebody.held("USDT")[0]) == ("0.00700000", "4995.00000000")


def test_bnb_is_used_only_by_accounts_that_want_it(priced):
    """By default the fee is taken from the received currency."""
    somebody = Native(priced, BTC="0.1", BNB="1")
    [fill] = somebody.place("MARKET", quantity="0.1").body["fills"]
    assert (fill["commissionAsset"], somebody.held("BNB")[0]) == ("USDT", "1.00000000")


def test_another_currency_for_fees_is_refused(paper):
    """BNB is the only alternative currency for fees."""
    assert refused_by_control(paper, "POST", "accounts", {"exchange": "binance", "fees_in": "BTC"})
