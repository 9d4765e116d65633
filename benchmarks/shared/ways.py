"""The ways in which a program places a limit order and reads a list of open ones, by exchange.

Each exchange has three, each on an account of its own: our client, ccxt with only its addresses changed, and a bare
signed POST, which is the least that any client needs over aiohttp's HTTP.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import aiohttp
import ccxt.async_support as ccxt
import msgspec

from adapters.exchanges.binance import messages as binance_messages
from adapters.exchanges.binance.client import Binance
from adapters.exchanges.binance.client import paper_hosts as binance_hosts
from adapters.exchanges.bitget import messages as bitget_messages
from adapters.exchanges.bitget.client import Bitget, paper_hosts
from adapters.exchanges.bitget.limits import PER_SECOND
from application.ports.statements import Credentials, OrderRequest
from domain.orders.wish import Side, TimeInForce, Type
from domain.people.broker import Venue

HTTP_OK = 200
Keys = Mapping[str, str]


@dataclass(frozen=True)
class Way:
    """`place` places a limit buy of 0.001 BTC at 40,000 under a client id, and `read` reads a list of open orders.

    `listed` returns the open orders as the exchange tells them, a text each.
    """

    place: Callable[[str], Awaitable[None]]
    close: Callable[[], Awaitable[None]]
    read: Callable[[bytes], Any] | None = None
    listed: Callable[[], Awaitable[list[str]]] | None = None


async def _our_way(client: Binance | Bitget, keys: Keys, read: Callable[[bytes], Any]) -> Way:
    await client.server_time()
    market = next(one for one in await client.markets() if one.symbol == "BTC/USDT")
    credentials = Credentials(keys["key"], keys["secret"], keys.get("passphrase"))

    async def place(name: str) -> None:
        report = await client.place(
            credentials,
            OrderRequest(
                name, market, Side.BUY, Type.LIMIT,
                quantity=Decimal("0.001"), price=Decimal(40000), time_in_force=TimeInForce.GTC,
            ),
        )  # fmt: skip
        assert report.client_order_id == name

    async def listed() -> list[str]:
        return [report.raw for report in await client.open_orders(credentials, market)]

    return Way(place, client.close, read, listed)


async def _independent_way(client: Any, url: str, named: str) -> Way:
    """Return the way of a ccxt client. `named` is its parameter for a client id."""
    client.has["fetchCurrencies"] = False
    for name, there in client.urls["api"].items():
        if isinstance(there, str):
            client.urls["api"][name] = "/".join([url, *there.split("/", 3)[3:]])
    await client.load_markets()
    market = client.market("BTC/USDT")

    async def place(name: str) -> None:
        told = await client.create_order("BTC/USDT", "limit", "buy", 0.001, 40000, {named: name})
        assert told["clientOrderId"] == name

    return Way(place, client.close, lambda raw: client.parse_orders(client.parse_json(raw.decode()), market))


async def our_binance(url: str, keys: Keys) -> Way:
    """Return our Binance client, which places over the WebSocket API."""
    hosts = binance_hosts(url)
    return await _our_way(Binance(hosts.rest, hosts.orders, hosts.streams), keys, binance_messages.reports_of)


async def our_bitget(url: str, keys: Keys) -> Way:
    """Return our Bitget client, whose private stream stands and tells what it has placed. Its own limits are lifted."""
    PER_SECOND.update(dict.fromkeys(PER_SECOND, 1_000_000))
    client = Bitget.at(paper_hosts(url), Venue.PAPER)
    way = await _our_way(client, keys, bitget_messages.open_reports_of)
    reports = client.reports(Credentials(keys["key"], keys["secret"], keys["passphrase"]))
    await anext(reports)

    async def hear() -> None:
        async for _ in reports:
            pass

    hearing = asyncio.create_task(hear())

    async def close() -> None:
        hearing.cancel()
        await client.close()

    return replace(way, close=close)


async def independent_binance(url: str, keys: Keys) -> Way:
    """Return ccxt's Binance client."""
    options = {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False, "defaultType": "spot"}
    given = {"apiKey": keys["key"], "secret": keys["secret"], "options": options, "enableRateLimit": False}
    return await _independent_way(ccxt.binance(given), url, "newClientOrderId")


async def independent_bitget(url: str, keys: Keys) -> Way:
    """Return ccxt's Bitget client."""
    options = {"fetchMarkets": {"types": ["spot"]}, "uta": False}
    given = {
        "apiKey": keys["key"], "secret": keys["secret"], "password": keys["passphrase"], "options": options,
        "enableRateLimit": False,
    }  # fmt: skip
    return await _independent_way(ccxt.bitget(given), url, "clientOid")


async def bare_binance(url: str, keys: Keys) -> Way:
    """Return a signed POST to Binance."""
    session = aiohttp.ClientSession()
    headers, secret = {"X-MBX-APIKEY": keys["key"]}, keys["secret"].encode()

    async def place(name: str) -> None:
        query = urlencode({
            "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001",
            "price": "40000", "newClientOrderId": name, "newOrderRespType": "FULL",
            "timestamp": int(time.time() * 1000),
        })  # fmt: skip
        signature = hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()
        async with session.post(f"{url}/api/v3/order?{query}&signature={signature}", headers=headers) as answer:
            told = msgspec.json.decode(await answer.read())
            assert answer.status == HTTP_OK, told

    return Way(place, session.close)


async def bare_bitget(url: str, keys: Keys) -> Way:
    """Return a signed POST to Bitget."""
    session, path = aiohttp.ClientSession(), "/api/v2/spot/trade/place-order"

    async def place(name: str) -> None:
        body = json.dumps({
            "symbol": "BTCUSDT", "side": "buy", "orderType": "limit", "force": "gtc", "size": "0.001",
            "price": "40000", "clientOid": name,
        })  # fmt: skip
        now = str(int(time.time() * 1000))
        made = hmac.new(keys["secret"].encode(), f"{now}POST{path}{body}".encode(), hashlib.sha256).digest()
        headers = {
            "ACCESS-KEY": keys["key"], "ACCESS-SIGN": base64.b64encode(made).decode(), "ACCESS-TIMESTAMP": now,
            "ACCESS-PASSPHRASE": keys["passphrase"], "Content-Type": "application/json",
        }  # fmt: skip
        async with session.post(url + path, data=body, headers=headers) as answer:
            told = msgspec.json.decode(await answer.read())
            assert answer.status == HTTP_OK, told

    return Way(place, session.close)


WAYS = {
    "binance": {"ours": our_binance, "ccxt": independent_binance, "floor": bare_binance},
    "bitget": {"ours": our_bitget, "ccxt": independent_bitget, "floor": bare_bitget},
}
"""The three ways by exchange."""
