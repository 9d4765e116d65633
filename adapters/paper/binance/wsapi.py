"""Binance's WebSocket API on the paper exchange: the requests of REST, and the private stream of each account."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from adapters.paper.binance import account_forms, forms
from adapters.paper.binance.dispatcher import Dispatcher, Reply, limits_of
from adapters.paper.binance.frames import Request, Unread, request_in
from adapters.paper.binance.limits import NAME
from adapters.paper.binance.parameters import Error, Parameters, whole_in
from adapters.paper.orders import Account, PaperOrder, PaperTrade

_OK, _CONNECTION_WEIGHT = 200, 2


class BinanceWsApi:
    """Every open connection, and the accounts that it follows by subscription number."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._paper = dispatcher.paper
        self._followed: dict[web.WebSocketResponse, dict[int, Account]] = {}
        self._connected_at: dict[web.WebSocketResponse, int] = {}
        self._held_back: dict[Account, list[dict[str, Any]]] = {}
        self._tasks: set[asyncio.Future[Any]] = set()
        self._paper.ledger.listeners.append(self._happened)
        self._paper.followed.append(self._accounts)

    def routes(self) -> list[web.RouteDef]:
        """Return the only route."""
        return [web.get("/ws-api/v3", self._connected)]

    def _start(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- requests ----------------------------------------------------------------------------------------------

    async def _connected(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        self._dispatcher.weigh(_CONNECTION_WEIGHT)
        self._followed[socket], self._connected_at[socket] = {}, self._paper.now()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    # Each request is a task of its own, so that a delayed response holds up no other.
                    self._start(self._read(request, socket, message.data))
        finally:
            self._followed.pop(socket, None)
            self._connected_at.pop(socket, None)
        return socket

    async def _read(self, connection: web.Request, socket: web.WebSocketResponse, text: str) -> None:
        try:
            asked = request_in(text)
        except Unread as unread:
            reply = Reply(unread.error.status, unread.error.told, self._dispatcher.weigh(1))
            limits = {"rateLimits": limits_of(used=reply.used)}
            await _send(socket, {"id": unread.id, **self._said(reply), **limits})
        else:
            await self._answer(connection, socket, asked)

    async def _answer(self, connection: web.Request, socket: web.WebSocketResponse, asked: Request) -> None:
        reply = await self._reply(socket, asked.method, asked.parameters)
        if reply is None:
            if connection.transport is not None:
                connection.transport.abort()
        elif reply.garbage:
            await _send(socket, "<html>Bad gateway</html>")
        else:
            limits = {"rateLimits": limits_of(used=reply.used, orders=reply.orders)}
            silent = asked.parameters.get("returnRateLimits") == "false"
            await _send(socket, {"id": asked.id, **self._said(reply), **({} if silent else limits)})

    def _said(self, reply: Reply) -> dict[str, Any]:
        if reply.status == _OK:
            return {"status": _OK, "result": reply.told}
        error = dict(reply.told)
        if reply.retry_after is not None:
            now = self._paper.now()
            error["data"] = {"serverTime": now, "retryAfter": now + reply.retry_after * 1000}
        return {"status": reply.status, "error": error}

    async def _reply(self, socket: web.WebSocketResponse, name: str, p: Parameters) -> Reply | None:
        if name in self._dispatcher.operations:
            return await self._dispatcher.serve(name, p, lambda: self._account(p))
        try:
            return Reply(_OK, self._of_session(socket, name, p), self._dispatcher.weigh(2))
        except Error as error:
            return Reply(error.status, error.told, self._dispatcher.weigh(2))

    def _of_session(self, socket: web.WebSocketResponse, name: str, p: Parameters) -> Any:
        mine = self._followed[socket]
        if name == "userDataStream.subscribe.signature":
            return self._subscribed(mine, self._account(p))
        if name == "userDataStream.unsubscribe":
            number = whole_in(p, "subscriptionId")
            for subscription in [*mine] if number is None else [number]:
                mine.pop(subscription, None)
            return {}
        if name == "session.subscriptions":
            return [{"subscriptionId": number} for number in mine]
        if name in {"session.status", "session.logout"}:
            return self._session(socket)
        if name == "session.logon":
            self._account(p)
            # All keys here are HMAC keys, and only Ed25519 keys can open a session.
            raise Error(-4056, "HMAC_SHA256 API key is not supported.")
        raise Error(-1020, "This operation is not supported.")

    @staticmethod
    def _subscribed(mine: dict[int, Account], account: Account) -> dict[str, int]:
        if account in mine.values():
            raise Error(-2035, "User Data Stream subscription already active.")
        number = max(mine, default=-1) + 1
        mine[number] = account
        return {"subscriptionId": number}

    def _session(self, socket: web.WebSocketResponse) -> dict[str, Any]:
        """Return the state of a session without a logon."""
        return {
            "apiKey": None, "authorizedSince": None, "connectedSince": self._connected_at[socket],
            "returnRateLimits": True, "serverTime": self._paper.now(), "userDataStream": bool(self._followed[socket]),
        }  # fmt: skip

    def _accounts(self) -> list[Account]:
        return [account for mine in self._followed.values() for account in mine.values()]

    def _account(self, p: Parameters) -> Account:
        account = self._dispatcher.api.account_of(p.get("apiKey"))
        payload = "&".join(f"{name}={p[name]}" for name in sorted(p) if name != "signature")
        self._dispatcher.api.check_signature(account, payload, p)
        return account

    # --- order events ------------------------------------------------------------------------------------------

    def _happened(self, what: str, order: PaperOrder, trade: PaperTrade | None) -> None:
        if order.account not in self._accounts():
            return
        fault = self._paper.faults.take("stream", NAME)
        kind, now = fault.kind if fault is not None else "", self._paper.now()
        told = forms.execution(what, order, trade, self._dispatcher.api.cancel_ids.get(order.id, ""), now)
        if kind == "drop_stream":
            self._drop(order.account)
        elif kind == "reorder_fills" and fault is not None:
            # Send the report after the next event, or after the fault's seconds when there is no next event.
            self._held_back.setdefault(order.account, []).append(told)
            asyncio.get_running_loop().call_later(fault.seconds, self._release, order.account)
        else:
            times = 2 if kind == "duplicate_fill" and trade is not None else 1
            lists = [] if order.list_id is None else [forms.list_status(self._paper.ledger.lists[order.list_id], now)]
            self._tell(
                order.account, [*[told] * times, *lists, account_forms.positions(order.account, order.pair, now)]
            )
            self._release(order.account)

    def _release(self, account: Account) -> None:
        self._tell(account, self._held_back.pop(account, []))

    def _tell(self, account: Account, events: list[dict[str, Any]]) -> None:
        for socket, mine in [*self._followed.items()]:
            for number, followed in mine.items():
                if followed is account:
                    for event in events:
                        self._start(_send(socket, {"subscriptionId": number, "event": event}))

    def _drop(self, account: Account) -> None:
        for socket, mine in self._followed.items():
            if account in mine.values():
                mine.clear()
                self._start(socket.close())


async def _send(socket: web.WebSocketResponse, message: dict[str, Any] | str) -> None:
    """Send a message. A closed connection takes no messages."""
    text = message if isinstance(message, str) else msgspec.json.encode(message).decode()
    if not socket.closed:
        try:
            await socket.send_str(text)
        except ConnectionError:
            await socket.close()
