"""The paper Bitget opens to a right signature and to nothing else, with the codes that Bitget documents."""

from __future__ import annotations

import time

import pytest

from adapters.paper.bitget.access import signature
from tests.exchanges.bitget.raw import Bitget, send

SECRET = "22582BD0CFF14C41EDBF1AB98506286D"
VECTORS = {
    "16273667805456GET/api/mix/v2/market/depth?limit=20&symbol=BTCUSDT": "30l+qfOwyfwL90Ss/Wz2h2be1+vlW/DKH5rcFIsocEI=",
    '16273667805456POST/api/v2/mix/order/place-order{"productType":"usdt-futures","symbol":"BTCUSDT","size":"8",'
    '"marginMode":"crossed","side":"buy","orderType":"limit","clientOid":"channel#123456"}': (
        "jIRuviYIBOMtYTXX+ji2u+/QsuvmwgqRWhM6kiexTEU="
    ),
    "1538054050GET/user/verify": "/4S0C3L8mGdm8894ulf8wfnQ6dqMXO8Iw95zlvMN8Zw=",
}
"""Texts of the documentation, and the signatures that three independent packages give them."""


@pytest.mark.parametrize("text", VECTORS)
def test_a_text_is_signed_as_everybody_signs_it(text):
    assert signature(SECRET, text) == VECTORS[text]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"ACCESS_KEY": None}, "40001"),
        ({"ACCESS_SIGN": None}, "40003"),
        ({"ACCESS_TIMESTAMP": None}, "40002"),
        ({"ACCESS_PASSPHRASE": None}, "40011"),
        ({"ACCESS_KEY": "nobody"}, "40006"),
        ({"ACCESS_SIGN": "bm9ib2R5"}, "40009"),
        ({"ACCESS_PASSPHRASE": "another"}, "40012"),
        ({"at": "yesterday"}, "40005"),
        ({"at": "1700000000000"}, "40008"),
    ],
)
def test_a_request_that_is_not_signed_right_is_refused_with_its_reason(paper, headers, code):
    somebody = Bitget(paper)
    assert somebody.ask("GET", "spot/account/assets", **headers).said == (400, code)


def test_what_is_signed_is_what_was_sent(paper):
    """The query and the body count as they were written, spaces included."""
    somebody = Bitget(paper)
    assert somebody.ask("GET", "spot/trade/orderInfo?orderId=1&symbol=BTCUSDT").said == (200, "00000")
    spaced = (
        '{ "symbol": "BTCUSDT",  "side": "buy", "orderType": "limit", "force": "GTC", "price": 40000, "size": 0.01 }'
    )
    assert somebody.ask("POST", "spot/trade/place-order", spaced).said == (200, "00000")


def test_a_request_may_say_within_which_time_it_is_valid(paper):
    somebody, now = Bitget(paper), int(time.time() * 1000)
    assert somebody.place(requestTime=str(now), receiveWindow="5000").said == (200, "00000")
    assert somebody.place(requestTime=str(now - 9000), receiveWindow="5000").said == (400, "40078")
    assert somebody.place(requestTime=str(now), receiveWindow="60000").said == (400, "40079")


@pytest.mark.parametrize("body", ["no json", "[]", "7"])
def test_a_body_that_is_no_object_is_refused(paper, body):
    assert Bitget(paper).ask("POST", "spot/trade/place-order", body).said == (400, "40020")


def test_an_address_that_does_not_exist_is_an_error_like_any_other(paper):
    assert send(paper, "GET", "/api/v2/spot/nothing").said == (400, "40404")


def test_too_many_questions_in_a_second_are_refused(paper):
    somebody = Bitget(paper)
    codes = [somebody.get("spot/account/info").said for _ in range(4)]
    assert (429, "429") in codes
    assert somebody.get("spot/account/assets").said == (200, "00000"), "each address has a limit of its own"
    paper.control("PUT", "limits", {"exchange": "bitget", "enabled": False})
    assert [somebody.get("spot/account/info").said for _ in range(4)] == [(200, "00000")] * 4
