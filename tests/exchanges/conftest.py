"""A paper exchange per test, in a thread with a loop of its own."""

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
from tests.ports import neighbours


class PaperInThread:
    """The paper exchange on free ports, told what to do by its control API as anybody would."""

    def __init__(self) -> None:
        self.port = neighbours(2)
        self.control_url = f"http://127.0.0.1:{self.port}"
        self.binance_url = f"http://127.0.0.1:{self.port + 1}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = PaperServer(self.port)
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(20)

    def stop(self) -> None:
        """Close everything."""
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the control API."""
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.control_url}/paper/{path}", data, method=method), timeout=10) as answer:
            return json.loads(answer.read())

    def account(self, **balances: str) -> dict[str, str]:
        """A new account with these balances; answers its keys."""
        return self.control("POST", "accounts", {"exchange": "binance", "balances": balances})

    def hold(self, symbol: str, price: str) -> None:
        """Set and hold a price."""
        self.control("PUT", "price", {"symbol": symbol, "price": price})

    def orders(self) -> list[PaperOrder]:
        """All orders that the exchange ever took, the oldest first."""
        return [*self._server.paper.ledger.orders.values()]

    def fault(self, when: str, kind: str, **more: Any) -> None:
        """Add to the fault script."""
        self.control("POST", "faults", {"when": when, "kind": kind, **more})


@pytest.fixture
def paper() -> Iterator[PaperInThread]:
    """A paper exchange on which BTC/USDT costs 50,000 until told otherwise."""
    running = PaperInThread()
    running.hold("BTC/USDT", "50000")
    yield running
    running.stop()
