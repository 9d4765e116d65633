"""The signature examples that Binance publishes for its two canonical strings, and for a query with a body."""

from __future__ import annotations

import pytest

from adapters.exchanges.binance.signing import query_string, sign, signed_parameters, signed_query

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
FULL_WIDTH = "１２３４５６"


def rest_order(symbol: str) -> dict[str, object]:
    """Return the limit order of the documented REST examples."""
    rest = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": 1, "price": "0.1"}
    return {"symbol": symbol, **rest, "recvWindow": 5000, "timestamp": 1499827319559}


@pytest.mark.parametrize(
    ("symbol", "signature"),
    [
        ("LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (FULL_WIDTH, "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
    ],
)
def test_rest_signs_what_is_percent_encoded(symbol, signature):
    """Examples B1 and B2: the query is encoded before it is signed, and the signature comes last."""
    assert signed_query(rest_order(symbol), SECRET).endswith(f"&signature={signature}")


def test_query_and_body_are_signed_as_one_text():
    """Example B3: nothing separates the query from the body."""
    whole = rest_order("LTCBTC")
    query = {name: whole[name] for name in ("symbol", "side", "type", "timeInForce")}
    body = query_string({name: whole[name] for name in ("quantity", "price", "recvWindow", "timestamp")})
    expected = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"
    assert signed_query(query, SECRET, body).endswith(f"&signature={expected}")
    assert sign(query_string(query) + body, SECRET) == expected


@pytest.mark.parametrize(
    ("changed", "signature"),
    [
        (
            {"symbol": "BTCUSDT", "side": "SELL", "price": "52000.00", "quantity": "0.01000000", "recvWindow": 100},
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            {"symbol": FULL_WIDTH, "side": "BUY", "price": "0.10000000", "quantity": "1.00000000", "recvWindow": 5000},
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
    ],
)
def test_the_websocket_api_signs_raw_text_sorted_by_name(changed, signature):
    """Examples B4 and B5: sorted by name, including the key, not percent-encoded."""
    parameters = {"type": "LIMIT", "timeInForce": "GTC", "timestamp": 1645423376532, "apiKey": KEY, **changed}
    assert signed_parameters(parameters, SECRET)["signature"] == signature
