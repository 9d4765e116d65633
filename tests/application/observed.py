"""Observed clients: the real client of each exchange, with its calls counted and hooks around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from adapters.exchanges.binance.client import Binance
from adapters.exchanges.bitget.client import Bitget
from adapters.paper.bitget import forms
from adapters.paper.orders import PaperOrder, PaperTrade
from adapters.paper.server import HOST


async def nothing() -> None:
    """Do nothing: the hook around a call unless a test sets another."""


class Observed:
    """What a test sees of a real client: `asked` counts calls, `heard` counts the reports that the lane has handled."""

    def __init__(self, *urls: str) -> None:
        super().__init__(*urls)
        self.asked: Counter[str] = Counter()
        self.heard: Counter[str] = Counter()
        self.before: dict[str, Callable[[], Awaitable[None]]] = {}
        self.after: dict[str, Callable[[], Awaitable[None]]] = {}

    async def reports(self, *arguments: Any) -> AsyncIterator[Any]:
        """Stream the reports, and count those that were taken."""
        await self.before.get("reports", nothing)()
        async for report in super().reports(*arguments):  # type: ignore[misc]
            yield report
            if report is not None:
                self.heard[report.client_order_id] += 1


def observed(client: type) -> Any:
    """Return a client as a class whose calls are counted, with the test's hooks before and after each."""

    def watched(name: str) -> Callable[..., Any]:
        async def asked(self: Any, *arguments: Any, **named: Any) -> Any:
            self.asked[name] += 1
            await self.before.get(name, nothing)()
            answer = await getattr(client, name)(self, *arguments, **named)
            await self.after.get(name, nothing)()
            return answer

        return asked

    names = ("place", "cancel", "amend", "query", "balances", "open_orders", "orders_since")
    return type(f"Observed{client.__name__}", (Observed, client), {name: watched(name) for name in names})


CLIENTS = {"binance": observed(Binance), "bitget": observed(Bitget)}
PHRASE = {"binance": None, "bitget": "a phrase"}


def client_of(exchange: str, port: int) -> Any:
    """Return an observed client of an exchange whose paper version has its control API on this port."""
    if exchange == "binance":
        address = f"{HOST}:{port + 1}"
        return CLIENTS[exchange](f"http://{address}", f"ws://{address}/ws-api/v3", f"ws://{address}")
    address = f"{HOST}:{port + 2}"
    return CLIENTS[exchange](f"http://{address}", f"ws://{address}/v2/ws/private", f"ws://{address}/v2/ws/public")


def id_of(there: PaperOrder | PaperTrade) -> str:
    """Return the id by which an exchange calls an order or a trade of its own."""
    order = there.order if isinstance(there, PaperTrade) else there
    return forms.order_id(there.id) if order.account.exchange == "bitget" else str(there.id)
