"""`aristobot paper --replay`: the prices of the paper exchange follow a file of one-minute candles."""

from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, dropwhile, groupby
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.exchanges.binance.client import Binance
from application.ports.statements import Credentials, OrderRequest
from domain.orders.wish import Side, TimeInForce, Type
from tests.support.ports import neighbours

REPOSITORY = Path(__file__).parents[2]
PORT_TAKEN = 1
"""The exit code when another program took a port that was free a moment ago; the fixture tries other ports."""
HEADER = "open_time,open,high,low,close,volume"
CANDLES = [
    ("50000.0", "50500.0", "49800.0", "50400.0", "1.5"),
    ("50400.0", "50450.0", "45000.0", "46000.0", "2.25"),
    ("46000.0", "46000.0", "46000.0", "46000.0", "0.0"),
    ("53500.0", "55000.0", "53000.0", "54000.0", "0.7"),
    *[("54000.0", "54000.0", "54000.0", "54000.0", "0.0")] * 5000,
]
"""The minutes without a trade at the end outlast any test, so that no price starts a random walk meanwhile."""
PATH = [50000, 49800, 50500, 50400, 50450, 45000, 46000, 53500, 53000, 55000, 54000]
"""Each minute's open, the extreme that more likely came first, the other extreme and the close, without repetitions."""
LAST, QUANTITY = Decimal(PATH[-1]), Decimal("0.01")
BAD = {
    "absent": None,
    "empty": b"",
    "without candles": HEADER.encode(),
    "other columns": b"time,price\n2023-03-01 00:00:00+00:00,50000\n",
    "no times": b"open,high,low,close,volume\n1,1,1,1,0\n",
    "words": f"{HEADER}\n2023-03-01 00:00:00+00:00,much,more,less,little,1\n".encode(),
    "a torn end": f"{HEADER}\n2023-03-01 00:00:00+00:00,1,1,1,1,0\n2023-03-01 00:01:00+00:00,1,1".encode(),
    "no text": b"\x1f\x8b\x08\x00\xff\xfe\x00",
}


class Exchange:
    """A process of `aristobot paper` on its own ports."""

    def __init__(self, *arguments: object) -> None:
        self.port = neighbours(3)
        command = [sys.executable, "-m", "aristobot", "paper", "--port", str(self.port), *map(str, arguments)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ARISTOBOT_")}
        self.process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE, text=True)
        self.control = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/paper")
        self.binance = httpx.Client(base_url=f"http://127.0.0.1:{self.port + 1}/api/v3")

    def answers(self) -> bool:
        """Return True when Binance's API is up."""
        with suppress(httpx.TransportError):
            return self.binance.get("/ping").status_code == 200
        return False

    def ask(self, path: str, **query: Any) -> Any:
        """Return the decoded answer of Binance's API."""
        return self.binance.get(path, params=query).json()

    def price(self, symbol: str = "BTCUSDT") -> Decimal:
        """Return the last price."""
        return Decimal(self.ask("/ticker/price", symbol=symbol)["price"])

    def orders(self) -> dict[str, dict[str, Any]]:
        """Return all orders by client id."""
        return {order["client_order_id"]: order for order in self.control.get("/orders").json()}

    async def place(self, limits: dict[str, tuple[Side, str]]) -> None:
        """Place limit orders from a new account."""
        account = {"exchange": "binance", "balances": {"USDT": "10000", "BTC": "1"}}
        keys = self.control.post("/accounts", json=account).json()
        sockets = f"ws://127.0.0.1:{self.port + 1}"
        client = Binance(sockets.replace("ws", "http", 1), f"{sockets}/ws-api/v3", sockets)
        market = next(market for market in await client.markets() if market.symbol == "BTC/USDT")
        for name, (side, price) in limits.items():
            order = OrderRequest(
                name, market, side, Type.LIMIT,
                quantity=QUANTITY, price=Decimal(price), time_in_force=TimeInForce.GTC,
            )  # fmt: skip
            await client.place(Credentials(keys["key"], keys["secret"]), order)
        await client.close()

    def stop(self) -> None:
        """Terminate the process and wait for its end."""
        self.control.close()
        self.binance.close()
        self.process.terminate()
        self.process.communicate(timeout=60)


@pytest.fixture
def new_exchange(eventually: Callable[..., Any]) -> Iterator[Callable[..., Exchange]]:
    """Yield a function that runs an exchange with the given arguments until the test ends or stops it."""
    with ExitStack() as opened:

        def make(*arguments: object) -> Exchange:
            while True:
                made = Exchange(*arguments)
                opened.callback(made.stop)
                eventually(lambda made=made: made.process.poll() is not None or made.answers())
                if made.process.poll() != PORT_TAKEN:
                    return made

        yield make


def _file(folder: Path, candles: Sequence[Sequence[str]], name: str = "candles.csv") -> Path:
    """Write the candles to a file, one per minute, and return its path."""
    times = (f"{datetime(2023, 3, 1, tzinfo=UTC) + timedelta(minutes=minute)}" for minute in count())
    text = "\n".join([HEADER, *(",".join([time, *candle]) for time, candle in zip(times, candles, strict=False)), ""])
    file = folder / name
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())
    return file


def test_the_price_follows_the_file(new_exchange: Callable[..., Exchange], tmp_path: Path, eventually: Any) -> None:
    """The prices come in the file's order. A minute without a trade moves nothing."""
    exchange, seen = new_exchange("--replay", _file(tmp_path, CANDLES), "--speed", 120), [Decimal(0)]

    def arrived() -> bool:
        if (price := exchange.price()) != seen[-1]:
            seen.append(price)
        return price == LAST

    eventually(arrived)
    followed, path = [*dropwhile(lambda price: price not in PATH, seen)], iter(PATH)  # it began before the first look
    assert len(followed) > 1
    assert all(price in path for price in followed), "a price that the file has not, or has not there"


def test_bars_and_tickers_follow_the_file(
    new_exchange: Callable[..., Exchange], tmp_path: Path, eventually: Any
) -> None:
    """At any speed, each price of the file is a trade, and the bars hold its extremes. The pair may be another one."""
    exchange = new_exchange("--replay", _file(tmp_path, CANDLES), "--speed", 6000, "--symbol", "ETH/USDT")
    eventually(lambda: exchange.price("ETHUSDT") == LAST)
    trades = exchange.ask("/trades", symbol="ETHUSDT", limit=1000)
    prices = [price for price, _ in groupby(Decimal(trade["price"]) for trade in trades)]
    first = prices.index(PATH[0])
    assert prices[first : first + len(PATH)] == PATH
    began = next(trade["time"] for trade in trades if Decimal(trade["price"]) == PATH[0])
    bars = exchange.ask("/klines", symbol="ETHUSDT", interval="1m", startTime=began // 60_000 * 60_000)
    assert max(Decimal(bar[2]) for bar in bars) >= max(PATH)
    assert min(Decimal(bar[3]) for bar in bars) <= min(PATH)
    book = exchange.ask("/ticker/bookTicker", symbol="ETHUSDT")
    assert 0 < Decimal(book["bidPrice"]) < Decimal(book["askPrice"])


def test_resting_orders_are_filled_when_the_price_comes_to_them(
    new_exchange: Callable[..., Exchange], tmp_path: Path, eventually: Any
) -> None:
    """Each order fills once, at its own limit. An order that the price misses by one tick keeps resting."""
    # Given two orders at the extremes of the candles, and two a tick beyond
    exchange = new_exchange("--books", tmp_path / "books.sqlite")
    assert exchange.control.put("/price", json={"symbol": "BTC/USDT", "price": "50000.00"}).status_code == 200
    wanted = {
        "buy-reached": (Side.BUY, "45000.00"),
        "buy-missed": (Side.BUY, "44999.99"),
        "sell-reached": (Side.SELL, "55000.00"),
        "sell-missed": (Side.SELL, "55000.01"),
    }
    asyncio.run(exchange.place(wanted))
    assert {order["status"] for order in exchange.orders().values()} == {"open"}
    exchange.stop()

    # When the candles are replayed on the same books
    replay = _file(tmp_path, CANDLES, "candles.csv.gz")
    exchange = new_exchange("--books", tmp_path / "books.sqlite", "--replay", replay, "--speed", 6000)
    eventually(lambda: exchange.price() == LAST)
    # Then exactly the reached orders are filled, at their own limits
    assert {name: order["status"] for name, order in exchange.orders().items()} == {
        name: "closed" if name.endswith("reached") else "open" for name in wanted
    }
    trades = [(t["side"], Decimal(t["price"]), Decimal(t["quantity"])) for t in exchange.control.get("/trades").json()]
    assert trades == [("buy", Decimal(45000), QUANTITY), ("sell", Decimal(55000), QUANTITY)]


@pytest.mark.parametrize("what", BAD)
def test_a_file_that_is_none_is_refused_at_once(
    new_exchange: Callable[..., Exchange], tmp_path: Path, what: str
) -> None:
    """The command exits with code 2 and one line that names the file."""
    file = tmp_path / "candles.csv"
    if (content := BAD[what]) is not None:
        file.write_bytes(content)
    exchange = new_exchange("--replay", file)
    assert exchange.process.poll() == 2
    [line] = exchange.process.stderr.read().splitlines()
    assert line.startswith("aristobot: ")
    assert file.name in line
