"""The paper Binance checks a signature over the text as sent, like the real one, and tells bad keys apart."""

from __future__ import annotations

import asyncio
import json
from http.client import HTTPConnection
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import pytest

from adapters.exchanges.binance.signing import query_string, sign, signed_parameters
from tests.exchanges.binance.test_binance_signing import FULL_WIDTH, KEY, SECRET, rest_order


def raw(paper, method, path, query="", key=None, body=None):
    """Send one request exactly as written and return its status, headers and body. A JSON body is decoded."""
    connection = HTTPConnection(urlsplit(paper.binance_url).netloc, timeout=10)
    headers = {"X-MBX-APIKEY": key} if key is not None else {}
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        connection.request(method, f"{path}?{query}" if query else path, body, headers)
        answer = connection.getresponse()
        told = answer.read()
    finally:
        connection.close()
    is_json = "json" in answer.headers.get("Content-Type", "")
    return answer.status, answer.headers, json.loads(told) if is_json else told.decode()


def server_time(paper):
    """Return the exchange's time in milliseconds."""
    return raw(paper, "GET", "/api/v3/time")[2]["serverTime"]


def signed(paper, keys, method, path, **parameters):
    """Send a signed request with all parameters in the query, and return its status and body."""
    query = urlencode({"timestamp": server_time(paper), **parameters}, quote_via=quote)
    query += f"&signature={sign(query, keys['secret'])}"
    status, _, told = raw(paper, method, f"/api/v3/{path}" if path[0] != "/" else path, query, keys["key"])
    return status, told


def refusal(paper, keys, method, path, **parameters):
    """Send a signed request that is refused, and return the status and the code."""
    status, told = signed(paper, keys, method, path, **parameters)
    return status, told["code"]


def over_ws(paper, *frames):
    """Send frames over one connection to the WebSocket API and return their answers in order."""

    async def story():
        url = f"{paper.binance_url}/ws-api/v3"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            answers = []
            for frame in frames:
                await socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))
                answers.append(json.loads(await socket.receive_str(timeout=10)))
            return answers

    return asyncio.run(story())


def order(**changed):
    """Return the parameters of a limit order that rests."""
    named = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    return {**named, "price": "40000", **changed}


def test_a_query_is_signed_as_it_was_sent_and_not_as_it_reads(paper):
    """A letter that was encoded without need is signed in its encoded form."""
    # given
    keys = paper.account(USDT="10000")
    encoded = query_string({**order(), "timestamp": server_time(paper)}) + "&newClientOrderId=a%2Db"
    plain = encoded.replace("%2D", "-")
    # when
    over_sent = raw(paper, "POST", "/api/v3/order", f"{encoded}&signature={sign(encoded, keys['secret'])}", keys["key"])
    over_read = raw(paper, "POST", "/api/v3/order", f"{encoded}&signature={sign(plain, keys['secret'])}", keys["key"])
    # then
    assert (over_sent[0], over_sent[2]["clientOrderId"]) == (200, "a-b")
    assert (over_read[0], over_read[2]["code"]) == (400, -1022)


def test_a_body_that_is_signed_without_being_encoded_is_refused(paper):
    """Since January 2026 the text is percent-encoded before it is signed."""
    # given
    keys = paper.account(USDT="10000")
    bare = f"symbol={FULL_WIDTH}&timestamp={server_time(paper)}"
    # when
    bare_text = f"{bare}&signature={sign(bare, keys['secret'])}".encode()
    _, _, told = raw(paper, "POST", "/api/v3/order", "", keys["key"], bare_text)
    # then
    assert told["code"] == -1022


def test_query_and_body_are_one_signed_text(paper):
    """Nothing separates the two. When both contain a name, the query's value counts."""
    # given
    keys = paper.account(USDT="10000")
    query, body = "symbol=BTCUSDT&side=BUY&type=LIMIT&price=40000", "timeInForce=GTC&quantity=0.01&price=41000"
    body += f"&timestamp={server_time(paper)}"
    # when
    whole = f"{body}&signature={sign(query + body, keys['secret'])}"
    status, _, told = raw(paper, "POST", "/api/v3/order", query, keys["key"], whole)
    # then
    assert (status, told["price"]) == (200, "40000.00000000")


@pytest.mark.parametrize(
    ("symbol", "signature"),
    [
        ("LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (FULL_WIDTH, "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
    ],
)
def test_the_documented_rest_signatures_are_right_here_too(paper, symbol, signature):
    """Examples B1 and B2: with the documented signature only the time is refused, with another one the signature is."""
    # given
    golden_account(paper)
    query = query_string(rest_order(symbol))
    # when
    right = raw(paper, "POST", "/api/v3/order", f"{query}&signature={signature}", KEY)[2]
    wrong = raw(paper, "POST", "/api/v3/order", f"{query}&signature={'0' * 64}", KEY)[2]
    # then
    assert (right["code"], wrong["code"]) == (-1021, -1022)


def test_the_documented_signatures_of_the_websocket_api_are_right_here_too(paper):
    """Example B5: raw text sorted by name, with a symbol outside ASCII."""
    # given
    golden_account(paper)
    named = {
        "symbol": FULL_WIDTH, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "0.10000000",
        "quantity": "1.00000000", "recvWindow": 5000, "timestamp": 1645423376532, "apiKey": KEY,
        "signature": "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
    }  # fmt: skip
    # when
    [right, wrong] = over_ws(
        paper,
        {"id": 1, "method": "order.place", "params": named},
        {"id": 2, "method": "order.place", "params": {**named, "signature": "é"}},
    )
    # then
    assert (right["error"]["code"], wrong["error"]["code"]) == (-1021, -1022)


def test_a_symbol_outside_ascii_reaches_the_markets_by_both_ways(paper):
    """The only fault of the request is that no market has this name."""
    # given
    keys = paper.account(USDT="10000")
    stamped = {**order(symbol=FULL_WIDTH), "apiKey": keys["key"], "timestamp": server_time(paper)}
    # when
    by_rest = refusal(paper, keys, "POST", "order", **order(symbol=FULL_WIDTH))
    [by_ws] = over_ws(paper, {"id": 1, "method": "order.place", "params": signed_parameters(stamped, keys["secret"])})
    # then
    assert by_rest == (400, -1121)
    assert by_ws["error"]["code"] == -1121


@pytest.mark.parametrize(
    ("key", "code"), [(None, -2014), ("", -2014), ("short", -2014), ("k" * 63 + "!", -2014), ("k" * 64, -2015)]
)
def test_a_key_without_the_form_of_one_is_told_from_one_that_is_unknown(paper, key, code):
    """The code is -2014 for a malformed key and -2015 for an unknown one."""
    # given
    query = f"timestamp={server_time(paper)}"
    # when
    status, _, told = raw(paper, "GET", "/api/v3/account", f"{query}&signature={sign(query, 'any')}", key)
    # then
    assert (status, told["code"]) == (401, code)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"timestamp": "abc"}, -1100),
        ({"timestamp": "-1"}, -1100),
        ({"timestamp": ""}, -1105),
        ({"recvWindow": "abc"}, -1100),
        ({"recvWindow": "-1"}, -1100),
        ({"recvWindow": "nan"}, -1100),
        ({"recvWindow": "5000.1234"}, -1100),
        ({"recvWindow": "60001"}, -1131),
        ({"timestamp": "1499827319559"}, -1021),
    ],
)
def test_a_time_that_cannot_be_read_has_a_code(paper, changed, code):
    """The signature is right each time, so the code is about the time."""
    # given
    keys = paper.account(USDT="10000")
    # when
    refused = refusal(paper, keys, "GET", "account", **changed)
    # then
    assert refused == (400, code)


@pytest.mark.parametrize("window", ["5000", "4999.5", "0.125", "60000"])
def test_a_window_may_have_three_decimals(paper, window):
    """A window is at most a minute. The shortest one may be over when the request is read, which is code -1021."""
    # given
    keys = paper.account(USDT="10000")
    # when
    status, told = signed(paper, keys, "GET", "account", recvWindow=window)
    # then
    assert status == 200 or told["code"] == -1021


def test_a_request_without_a_signature_says_so(paper):
    """REST and the WebSocket API report a missing parameter (-1102), not a wrong signature."""
    # given
    keys = paper.account(USDT="10000")
    now = server_time(paper)
    # when
    by_rest = raw(paper, "GET", "/api/v3/account", f"timestamp={now}", keys["key"])[2]
    asked = {"id": 1, "method": "account.status", "params": {"apiKey": keys["key"], "timestamp": now}}
    [by_ws] = over_ws(paper, asked)
    # then
    assert by_rest["code"] == by_ws["error"]["code"] == -1102


def golden_account(paper):
    """Open an account with the key and the secret of Binance's documentation."""
    paper.control("POST", "accounts", {"exchange": "binance", "balances": {}, "key": KEY, "secret": SECRET})
