"""A client that speaks Binance's own API to the paper exchange, without any of our code in between."""

from __future__ import annotations

import asyncio
import hmac
import json
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import pytest
from aiohttp import ClientSession


@dataclass
class Answer:
    """An HTTP answer, its body decoded."""

    status: int
    headers: Any
    body: Any

    @property
    def said(self):
        """The status, code and message of a refusal."""
        return self.status, self.body["code"], self.body["msg"]


class Native:
    """A client with its own account on a paper exchange on which BTC/USDT costs 50,000."""

    def __init__(self, paper, fees_in=None, **balances):
        self.paper = paper
        held = balances or {"USDT": "100000", "BTC": "10"}
        body = {"exchange": "binance", "balances": held} | ({"fees_in": fees_in} if fees_in else {})
        self.keys = paper.control("POST", "accounts", body)

    # --- REST ------------------------------------------------------------------------------------------------------

    def public(self, path, **p):
        """Send one public request and return its answer."""
        return self._send(Request(f"{self.paper.binance_url}/api/v3/{path}?{urlencode(p)}"))

    def ask(self, method, path, **p):
        """Send one signed request and return its answer."""
        p = {name: str(value) for name, value in p.items()} | {"timestamp": str(self._now())}
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in p.items())
        signature = hmac.digest(self.keys["secret"].encode(), query.encode(), sha256).hex()
        address = f"{self.paper.binance_url}/api/v3/{path}?{query}&signature={signature}"
        return self._send(Request(address, headers={"X-MBX-APIKEY": self.keys["key"]}, method=method))

    def _now(self):
        return self.public("time").body["serverTime"]

    @staticmethod
    def _send(request):
        try:
            with urlopen(request, timeout=10) as answer:
                return Answer(answer.status, answer.headers, json.loads(answer.read()))
        except HTTPError as refused:
            return Answer(refused.code, refused.headers, json.loads(refused.read()))

    # --- orders ----------------------------------------------------------------------------------------------------

    def place(self, kind, side="SELL", quantity="0.01", **more):
        """Place an order, on BTC/USDT unless another symbol is named."""
        return self.ask("POST", "order", **self.wish(kind, side, quantity, **more))

    @staticmethod
    def wish(kind, side="SELL", quantity="0.01", **more):
        """Return the parameters of a new order."""
        size = {} if "quoteOrderQty" in more else {"quantity": quantity}
        stands = {"timeInForce": "GTC"} if kind in {"LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"} else {}
        named = {"symbol": "BTCUSDT", "side": side, "type": kind, "newOrderRespType": "FULL"}
        return {**named, **size, **stands, **more}

    def oco(self, quantity="0.01", target="60000", stop="40000", **more):
        """Place a list: a target above the market and a stop below it."""
        return self.ask("POST", "orderList/oco", **self.both(quantity, target, stop, **more))

    @staticmethod
    def both(quantity="0.01", target="60000", stop="40000", **more):
        """Return the parameters of an OCO list."""
        legs = {"aboveType": "LIMIT_MAKER", "abovePrice": target, "belowType": "STOP_LOSS", "belowStopPrice": stop}
        return {"symbol": "BTCUSDT", "side": "SELL", "quantity": quantity, **legs, **more}

    def resting(self):
        """Return the client ids of the resting orders, oldest first."""
        return [order["clientOrderId"] for order in self.ask("GET", "openOrders").body]

    def held(self, currency):
        """Return the free and the locked balance of a currency."""
        rows = {row["asset"]: row for row in self.ask("GET", "account").body["balances"]}
        return rows[currency]["free"], rows[currency]["locked"]

    def rules(self, native="BTCUSDT"):
        """Return the symbol as `exchangeInfo` shows it, with its filters by name."""
        symbol = self.public("exchangeInfo", symbol=native).body["symbols"][0]
        return symbol | {"filters": {row["filterType"]: row for row in symbol["filters"]}}

    # --- WebSocket -------------------------------------------------------------------------------------------------

    def say(self, method, **p):
        """Send one signed request over the WebSocket API and return the answer."""
        return asyncio.run(self._say(method, p))

    async def _say(self, method, p):
        async with ClientSession() as session, session.ws_connect(self._sockets()) as socket:
            await socket.send_json({"id": 1, "method": method, "params": self._signed(p)})
            return (await socket.receive(10)).json()

    def heard(self, meanwhile, seconds=0.5):
        """Run `meanwhile` and return the private stream's events, until it is quiet for `seconds`."""
        return asyncio.run(self._heard(meanwhile, seconds))

    async def _heard(self, meanwhile, seconds):
        told = []
        async with ClientSession() as session, session.ws_connect(self._sockets()) as socket:
            await socket.send_json(
                {"id": 1, "method": "userDataStream.subscribe.signature", "params": self._signed({})}
            )
            await socket.receive(10)
            await asyncio.to_thread(meanwhile)
            with suppress(TimeoutError):
                while True:
                    told.append((await socket.receive(seconds)).json()["event"])
        return told

    def watched(self, stream, meanwhile):
        """Run `meanwhile` and return the first message of a market stream that follows."""
        return asyncio.run(self._watched(stream, meanwhile))

    async def _watched(self, stream, meanwhile):
        address = self.paper.binance_url.replace("http", "ws", 1)
        async with ClientSession() as session, session.ws_connect(f"{address}/ws") as socket:
            await socket.send_json({"method": "SUBSCRIBE", "params": [stream], "id": 1})
            await socket.receive(10)
            await asyncio.to_thread(meanwhile)
            return (await socket.receive(10)).json()

    def _sockets(self):
        return f"{self.paper.binance_url.replace('http', 'ws', 1)}/ws-api/v3"

    def _signed(self, p):
        p = {**p, "apiKey": self.keys["key"], "timestamp": self._now()}
        payload = "&".join(f"{name}={p[name]}" for name in sorted(p))
        return p | {"signature": hmac.digest(self.keys["secret"].encode(), payload.encode(), sha256).hex()}


def told(paper, symbol="BTC/USDT", **what):
    """Change the rules of a market and return the answer of the control API."""
    return paper.control("PUT", "markets", {"symbol": symbol, **what})


def refused_by_control(paper, method, path, body):
    """Send a request that the control API refuses, and return the message of the refusal."""
    with pytest.raises(HTTPError) as refused:
        paper.control(method, path, body)
    answer = json.loads(refused.value.read())
    assert (refused.value.code, answer["code"]) == (400, "invalid")
    return answer["message"]
