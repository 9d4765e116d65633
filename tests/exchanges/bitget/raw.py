"""A raw client of Bitget's API: what is sent is what the documentation says, and what comes is looked at whole."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen


class Told(NamedTuple):
    """An answer: its HTTP status and its body, and the body's code and data."""

    status: int
    body: dict[str, Any]

    @property
    def said(self) -> tuple[int, str]:
        return self.status, self.body["code"]

    @property
    def data(self) -> Any:
        return self.body["data"]


def signed(secret: str, text: str) -> str:
    """Return the signature of a text, as the documentation describes it."""
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


class Bitget:
    """One account, and requests that it signs."""

    def __init__(self, paper, **balances: str) -> None:
        self.paper = paper
        self.keys = paper.account("bitget", **(balances or {"USDT": "10000", "BTC": "1"}))

    def get(self, path: str, **query: Any) -> Told:
        """Ask a private question."""
        return self.ask("GET", path + (f"?{urlencode(query)}" if query else ""))

    def post(self, path: str, **body: Any) -> Told:
        """Send a private request."""
        return self.ask("POST", path, json.dumps(body))

    def ask(self, method: str, path: str, body: str = "", *, at: str | None = None, **headers: str | None) -> Told:
        """Send a signed request. `at` is its timestamp; headers replace those of the signature, None leaves one out."""
        path, at = f"/api/v2/{path}", at or str(int(time.time() * 1000))
        made: dict[str, str | None] = {
            "ACCESS-KEY": self.keys["key"], "ACCESS-TIMESTAMP": at, "ACCESS-PASSPHRASE": self.keys["passphrase"],
            "ACCESS-SIGN": signed(self.keys["secret"], at + method + path + body), "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }  # fmt: skip
        sent = {name: value for name, value in made.items() if value is not None}
        return send(self.paper, method, path, body, sent)

    def place(self, **changed: Any) -> Told:
        """Place a buy that rests, unless it is changed. A field that is None is left out."""
        wish = {
            "symbol": "BTCUSDT", "side": "buy", "orderType": "limit", "force": "gtc", "price": "40000", "size": "0.01",
            **changed,
        }  # fmt: skip
        return self.post("spot/trade/place-order", **{name: one for name, one in wish.items() if one is not None})

    def plan(self, **changed: Any) -> Told:
        """Place a plan that sells at the market when the price falls, unless it is changed."""
        wish = {
            "symbol": "BTCUSDT", "side": "sell", "triggerPrice": "48000", "orderType": "market", "size": "0.01",
            "triggerType": "fill_price", **changed,
        }  # fmt: skip
        return self.post("spot/trade/place-plan-order", **wish)

    def free(self, coin: str) -> str:
        """Return what is free of a coin."""
        rows = {row["coin"]: row for row in self.get("spot/account/assets", assetType="all").data}
        return str(rows[coin]["available"])


def send(paper, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> Told:
    """Send a request, and return whatever comes."""
    asked = Request(paper.bitget_url + path, body.encode() or None, headers or {}, method=method)
    try:
        with urlopen(asked, timeout=10) as answer:
            return Told(answer.status, json.loads(answer.read()))
    except HTTPError as error:
        return Told(error.code, json.loads(error.read()))
