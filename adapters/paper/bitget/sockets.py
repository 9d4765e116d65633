"""The sockets of the paper Bitget: keep-alive, login, subscriptions, and what is pushed to them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from adapters.paper.bitget import NAME
from adapters.paper.bitget.access import Access
from adapters.paper.bitget.errors import Error
from adapters.paper.bitget.market import BitgetMarket, timeframe_of
from adapters.paper.bitget.topics import (
    DEFAULT,
    PRIVATE,
    SNAPSHOT,
    PublicTopics,
    Push,
    Topic,
    account_push,
    fill_push,
    order_push,
    plan_push,
)
from adapters.paper.exchange import Paper
from adapters.paper.faults import Deaf
from adapters.paper.orders import Account, PaperOrder, PaperTrade
from adapters.paper.pairs import PAIRS
from adapters.paper.past import MINUTE
from adapters.paper.plans import Plan

SILENT_SECONDS = 120.0
"""Seconds without a `ping` after which a connection is closed (bitget.com/api-doc/common/websocket-intro)."""
SPOT = "SPOT"
LOGIN_REFUSED = frozenset({"30011", "30012", "30013", "30014", "30015"})
"""The errors of a login, after which the connection is closed."""
_LONGEST = 4096


class _Asked(msgspec.Struct):
    op: str
    args: list[dict[str, Any]]


@dataclass(eq=False)
class _Connection:
    socket: web.WebSocketResponse
    private: bool
    pinged_at: float
    topics: set[Topic] = field(default_factory=set)
    account: Account | None = None


class BitgetSockets:
    """Every open connection and what it follows."""

    def __init__(self, paper: Paper, market: BitgetMarket) -> None:
        self._paper = paper
        self._access = Access(paper)
        self._topics = PublicTopics(market)
        self._connections: list[_Connection] = []
        self._held_back: dict[Account, list[tuple[str, Any]]] = {}
        self._minute = paper.now() // MINUTE * MINUTE
        self._tasks: set[asyncio.Future[Any]] = set()
        paper.prices.listeners.append(self._priced)
        paper.ledger.listeners.append(self._happened)
        paper.plans.listeners.append(self._planned)
        paper.followed.append(self._accounts)

    def routes(self) -> list[web.RouteDef]:
        """Return both routes."""
        return [web.get("/v2/ws/public", self._connected), web.get("/v2/ws/private", self._connected)]

    def _start(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- requests ------------------------------------------------------------------------------------------------

    async def _connected(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = _Connection(socket, request.path.endswith("private"), time.monotonic())
        self._connections.append(connection)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._read(connection, message.data)
        finally:
            self._connections.remove(connection)
            await socket.close()
        return socket

    async def _read(self, connection: _Connection, text: str) -> None:
        if text == "ping":
            connection.pinged_at = time.monotonic()
            await _send(connection, "pong")
            return
        try:
            await self._do(connection, *_asked(text))
        except Error as error:
            await _send(connection, {"event": "error", "code": error.code, "msg": error.text})
            if error.code in LOGIN_REFUSED:
                await connection.socket.close()

    async def _do(self, connection: _Connection, operation: str, wanted: list[dict[str, Any]]) -> None:
        if operation == "login":
            connection.account = self._access.logged_in(wanted[0] if wanted else {})
            await _send(connection, {"event": "login", "code": 0, "msg": ""})
            return
        if operation not in {"subscribe", "unsubscribe"}:
            raise Error("30003", "Invalid op")
        for arg in wanted:
            topic = Topic(str(arg.get("channel", "")), str(arg.get("instId") or arg.get("coin") or DEFAULT))
            try:
                self._check(connection, topic, arg.get("instType", SPOT))
            except Error as error:
                await _send(connection, {"event": "error", "arg": arg, "code": error.code, "msg": error.text})
                continue
            (connection.topics.add if operation == "subscribe" else connection.topics.discard)(topic)
            await _send(connection, {"event": operation, "arg": arg})
            if operation == "subscribe":
                await self._welcome(connection, topic)

    def _check(self, connection: _Connection, topic: Topic, kind: object) -> None:
        if str(kind).upper() != SPOT:
            raise Error("30016", f"Param error instType: {kind}")
        if topic.channel in PRIVATE and connection.private:
            if connection.account is None:
                raise Error("30004", "User needs to log in")
        elif connection.private or not self._topics.knows(topic):
            raise Error("30001", f"Channel {topic.channel},{topic.about} doesn't exist")

    async def _welcome(self, connection: _Connection, topic: Topic) -> None:
        """Tell the state: of a market, or of an account's coins. Orders are told when they change only."""
        pair = self._topics.pair_of(topic)
        if topic.channel == "account" and connection.account is not None:
            coins = sorted({*connection.account.free, *connection.account.locked})
            rows = account_push(connection.account, coins, self._paper.now())
            await self._push(connection, topic, Push(SNAPSHOT, rows))
        elif pair is not None and topic.channel not in PRIVATE:
            await self._push(connection, topic, self._topics.first(topic, pair))

    # --- markets -------------------------------------------------------------------------------------------------

    def _priced(self, symbol: str, _: Decimal) -> None:
        pair = PAIRS[symbol]
        for connection in [*self._connections]:
            for topic in [*connection.topics]:
                if topic.channel in PRIVATE or not topic.is_about(pair):
                    continue
                if (push := self._topics.moved(topic, pair)) is not None:
                    self._start(self._push(connection, topic, push))

    def tick(self) -> None:
        """Tell the bars of minutes that have begun since the last call, also where nothing was traded."""
        self._paper.prices.roll()
        self._end_silent()
        minute = self._paper.prices.now // MINUTE * MINUTE
        if minute <= self._minute:
            return
        self._minute = minute
        for connection in [*self._connections]:
            for topic in [*connection.topics]:
                pair = self._topics.pair_of(topic) if timeframe_of(topic.channel) else None
                if pair is not None and (push := self._topics.candle(topic, pair, minute)) is not None:
                    self._start(self._push(connection, topic, push))

    def _end_silent(self) -> None:
        """Close the connections that have sent no `ping` for too long. A ping of the protocol is none."""
        since = time.monotonic() - SILENT_SECONDS
        for connection in [one for one in self._connections if one.pinged_at < since]:
            self._start(connection.socket.close())

    async def shut_down(self) -> None:
        """End every public connection a second later. Bitget announces nothing."""
        await asyncio.sleep(1)
        await self.cut()

    async def cut(self) -> None:
        """End every public connection without a word."""
        for connection in [one for one in self._connections if not one.private]:
            await connection.socket.close()

    # --- accounts ------------------------------------------------------------------------------------------------

    def _accounts(self) -> list[Account]:
        return [one.account for one in self._connections if one.account is not None and one.topics]

    def _happened(self, what: str, order: PaperOrder, trade: PaperTrade | None) -> None:
        account = order.account
        if account not in self._accounts():
            return
        fault = self._paper.faults.take("stream", NAME)
        kind = "" if fault is None else fault.kind
        told: list[tuple[str, Any]] = [("orders", order_push(order, trade))]
        if trade is not None:
            told.append(("fill", fill_push(trade)))
        if kind == "drop_stream":
            self._drop(account)
        elif kind == "reorder_fills" and fault is not None:
            # Send the report after the next event, or after the fault's seconds when there is no next event.
            self._held_back.setdefault(account, []).extend(told)
            asyncio.get_running_loop().call_later(fault.seconds, self._release, account)
        else:
            coins = [order.pair.base, order.pair.quote]
            now = self._paper.now()
            told *= 2 if kind == "duplicate_fill" and trade is not None else 1
            self._tell(account, [*told, *(("account", row) for row in account_push(account, coins, now))])
            self._release(account)

    def _planned(self, _: str, plan: Plan) -> None:
        if plan.account in self._accounts():
            try:
                self._paper.faults.take("stream", NAME)
            except Deaf:
                return
            self._tell(plan.account, [("orders-algo", plan_push(plan))])

    def _release(self, account: Account) -> None:
        self._tell(account, self._held_back.pop(account, []))

    def _tell(self, account: Account, told: list[tuple[str, Any]]) -> None:
        for connection in [one for one in self._connections if one.account is account]:
            for channel, row in told:
                about = {DEFAULT, row.get("instId"), row.get("symbol"), row.get("coin")}
                for topic in [one for one in connection.topics if one.channel == channel and one.about in about]:
                    self._start(self._push(connection, topic, Push(SNAPSHOT, [row])))

    def _drop(self, account: Account) -> None:
        for connection in [one for one in self._connections if one.account is account]:
            connection.topics.clear()
            self._start(connection.socket.close())

    async def _push(self, connection: _Connection, topic: Topic, push: Push) -> None:
        await _send(connection, {"action": push.action, "arg": topic.arg(), "data": push.data, "ts": self._paper.now()})


def _asked(text: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the operation of a message and its arguments. Raises `Error` for anything else."""
    try:
        said = msgspec.json.decode(text, type=_Asked)
    except msgspec.MsgspecError:
        said = None
    if said is None or len(text) > _LONGEST:
        raise Error("30002", "Illegal request")
    return said.op, said.args


async def _send(connection: _Connection, message: dict[str, Any] | str) -> None:
    """Send a message. A closed connection takes no messages."""
    text = message if isinstance(message, str) else msgspec.json.encode(message).decode()
    if not connection.socket.closed:
        try:
            await connection.socket.send_str(text)
        except ConnectionError:
            await connection.socket.close()
