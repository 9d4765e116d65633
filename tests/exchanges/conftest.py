"""Fixtures: one paper exchange per test, in a thread with its own event loop."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest

from adapters.paper.orders import PaperOrder
from adapters.paper.server import PaperServer
from tests.support.ports import neighbours


class PaperInThread:
    """A paper exchange on free ports, instructed through its control API like any other client would."""

    def __init__(self) -> None:
        self.port = neighbours(3)
        self.control_url = f"http://127.0.0.1:{self.port}"
        self.binance_url = f"http://127.0.0.1:{self.port + 1}"
        self.bitget_url = f"http://127.0.0.1:{self.port + 2}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = PaperServer(self.port)
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(20)

    def stop(self) -> None:
        """Stop the exchange, its event loop and its thread."""
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request to the control API and return its decoded answer."""
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.control_url}/paper/{path}", data, method=method), timeout=10) as answer:
            return json.loads(answer.read())

    def account(self, exchange: str = "binance", **balances: str) -> dict[str, str]:
        """Open an account with these balances and return its keys."""
        phrase = {"passphrase": "a phrase"} if exchange == "bitget" else {}
        return self.control("POST", "accounts", {"exchange": exchange, "balances": balances, **phrase})

    def hold(self, symbol: str, price: str) -> None:
        """Set a price and hold it."""
        self.control("PUT", "price", {"symbol": symbol, "price": price})

    def orders(self) -> list[PaperOrder]:
        """Return all orders that the exchange ever accepted, the oldest first."""
        return [*self._server.paper.ledger.orders.values()]

    def fault(self, when: str, kind: str, **more: Any) -> None:
        """Add a fault to the fault script."""
        self.control("POST", "faults", {"when": when, "kind": kind, **more})


@pytest.fixture
def paper() -> Iterator[PaperInThread]:
    """Yield a paper exchange on which BTC/USDT costs 50,000 until a test changes it."""
    running = PaperInThread()
    running.hold("BTC/USDT", "50000")
    yield running
    running.stop()
