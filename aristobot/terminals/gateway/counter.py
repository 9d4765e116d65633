"""The gateway's counter: it answers the requests that other terminals send over the bus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from application.commands import on_fresh_state
from application.lane.lane import Lane
from application.people.brokers import broker_of
from application.people.connection import try_connection
from application.people.users import by_hand
from application.ports.errors import ExchangeError, OrderNotFound
from application.ports.requests import Action, Answer, Request
from application.trading import panics
from application.trading.halts import halt
from aristobot.following import AWAY, PAUSE_SECONDS
from aristobot.terminals.gateway.clients import Clients
from aristobot.terminals.gateway.days import Days
from aristobot.terminals.gateway.loads import Loads
from aristobot.terminals.gateway.quotes import Quotes
from aristobot.wiring import House
from domain.people.broker import Broker
from domain.reconciliation import Occasion
from domain.refusals import Impossible, Invalid, Refused

P = ParamSpec("P")
R = TypeVar("R")


class Counter:
    """The place where requests are answered, each on its own, so that a slow exchange delays no other."""

    def __init__(self, house: House, clients: Clients, lanes: Mapping[int, Lane], loads: Loads, log: Any) -> None:
        self._house = house
        self._loads = loads
        self._clients = clients
        self._days = Days(clients)
        self._quotes = Quotes(clients)
        self._lanes = lanes
        self._log = log
        self._tasks: set[asyncio.Task[Any]] = set()
        # Threads of its own: while the database hangs, those of the lanes hang with it, and a halt must get through.
        self._threads = ThreadPoolExecutor(2, "counter")

    async def serve(self) -> None:
        """Take requests and begin to answer each, for ever."""
        while True:
            request = await self._on_the_bus(self._house.bus.next_request)
            if request is not None:
                self.begin(self._answer(request))

    def begin(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` in the background. An error is logged and stops nothing else."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.warning("counter_failed", error=repr(error))

    async def close(self) -> None:
        """Cancel the requests under way. Their callers get no answer, and treat that as silence."""
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # A thread that still waits for a request would take the next one, and nobody would answer it.
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)

    async def _answer(self, request: Request) -> None:
        name = request.request_id
        try:
            answer = Answer(name, success=True, data=await self._carry_out(request))
        except (Refused, ExchangeError) as error:
            answer = Answer(name, success=False, error=str(error), code=error.code)
        except Exception as error:
            self._log.exception("request_failed", request_id=name)
            answer = Answer(name, success=False, error=type(error).__name__, code="internal_error")
        self._log.info("answered", request_id=name, action=request.action, success=answer.success, code=answer.code)
        await self._on_the_bus(self._house.bus.respond, answer)

    async def _on_the_bus(self, act: Callable[P, R], *given: P.args, **named: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: act(*given, **named))

    async def _carry_out(self, request: Request) -> Mapping[str, Any]:
        if request.action in {Action.HALT, Action.PANIC}:
            self._halt(request)
            return {}
        if request.action is Action.CANDLES:
            return await self._loads.ask(request.params)
        if request.action is Action.TEST_CONNECTION:
            return await self._try_keys(request)
        return await self._of_broker(await self._broker(request), request)

    async def _of_broker(self, broker: Broker, request: Request) -> Mapping[str, Any]:
        match request.action:
            case Action.LOAD_MARKETS:
                return await self.load_markets(broker, anew=True)
            case Action.DAY_TICKERS:
                return await self._days.of(broker.exchange, broker.venue)
            case Action.QUOTE:
                return await self._quotes.of(broker.exchange, broker.venue, str(request.params["symbol"]))
            case Action.QUERY_ORDER:
                return await self._look(broker, UUID(request.params["order_id"]))
            case Action.RECONCILE:
                return await self._reconcile(broker, Occasion(request.params["occasion"]), dry=request.params["dry"])
        raise Invalid(f"the gateway does not answer {request.action}", field="action")

    async def _try_keys(self, request: Request) -> Mapping[str, Any]:
        """Test keys that are given, or those of a broker."""
        named = request.params
        if "sealed" in named:
            exchange, venue = named["exchange"], named["venue"]
            keys = self._house.vault.unseal(named["sealed"])
        else:
            broker = await self._broker(request)
            exchange, venue = broker.exchange, broker.venue
            keys = await asyncio.to_thread(self._house.vault.credentials, broker.number)

        async def tell(step: str) -> None:
            await self._on_the_bus(self._house.bus.respond, Answer(request.request_id, progress=step))

        await tell("exchange")
        return vars(await try_connection(await self._clients.of(exchange, venue), keys, tell))

    def _halt(self, request: Request) -> None:
        """Halt a user's lanes at once, and record the halt or the panic when the database answers."""
        store, user = self._house.store, request.user_id
        if request.action is Action.PANIC:
            record: Callable[[], object] = partial(panics.begin, store, user, UUID(request.params["request"]))
        else:
            record = partial(halt, store, user)
        for lane in self._lanes_of(user):
            lane.halt()
        self.begin(self._record_halt(user, record))

    async def _record_halt(self, user: int, record: Callable[[], object]) -> None:
        while True:
            try:
                await asyncio.to_thread(record)
                break
            except AWAY as error:
                self._log.warning("halt_not_recorded", user=user, error=str(error))
                await asyncio.sleep(PAUSE_SECONDS)
            except Impossible:
                break  # it was recorded and lifted in the meantime
        for lane in self._lanes_of(user):
            lane.halt_is_recorded()

    def _lanes_of(self, user: int) -> list[Lane]:
        return [lane for lane in self._lanes.values() if lane.broker.user == user]

    def _lane(self, broker: Broker) -> Lane:
        lane = self._lanes.get(broker.number)
        if lane is None or not lane.reconciled.is_set():
            raise Impossible(f"broker {broker.number} is not connected yet", code="broker_away")
        return lane

    async def _look(self, broker: Broker, order_id: UUID) -> Mapping[str, Any]:
        """Return what the exchange says of one order. "Not found" is a result too, but it proves nothing."""
        try:
            report = await self._lane(broker).look(order_id)
        except OrderNotFound:
            return {"found": False}
        return {
            "found": True,
            "status": report.native_status,
            "state": report.state,
            "exchange_order_id": report.exchange_order_id,
            "quantity": f"{report.quantity:f}",
            "filled": f"{report.filled:f}",
        }

    async def _reconcile(self, broker: Broker, occasion: Occasion, *, dry: bool) -> Mapping[str, Any]:
        """Reconcile a broker with its exchange. Returns `skipped` when the request budget is needed elsewhere."""
        run = await self._lane(broker).reconcile(occasion, dry=dry)
        return {"skipped": True} if run is None else run.told()

    async def _broker(self, request: Request) -> Broker:
        """Return the broker that a request names. Raises `NotFound` unless it belongs to the user who asks."""
        return await asyncio.to_thread(broker_of, self._house.store, request.user_id, request.params["broker_id"])

    async def load_markets(self, broker: Broker, *, anew: bool) -> dict[str, Any]:
        """Load a broker's markets and record how many there are.

        Unless `anew`, share those that another broker of the same exchange and venue has loaded.
        """
        key = (broker.exchange, broker.venue)
        neighbours = [lane for lane in self._lanes.values() if (lane.broker.exchange, lane.broker.venue) == key]
        shared = not anew and any(lane.broker.number != broker.number for lane in neighbours)
        await self._clients.of(*key)  # fails while the exchange is away: there are no markets to count then
        markets = await (self._clients.load(*key) if anew else self._clients.markets(*key))
        for lane in neighbours:
            lane.know_markets(markets)

        @on_fresh_state
        def record() -> None:
            with by_hand(broker.user, "gateway"):
                fresh = self._house.store.get(Broker, broker.id)
                fresh.record_markets(len(markets), shared=shared)
                self._house.store.save(fresh)

        await asyncio.to_thread(record)
        return {"count": len(markets), "shared": shared}
