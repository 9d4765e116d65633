"""The gateway terminal: the only process that talks to exchanges, one lane per broker."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import uvloop

from application.lane.lane import Lane
from application.orders.account import Account
from application.orders.agenda import Task
from application.ports.errors import ExchangeError
from application.ports.exchange import ExchangeClient
from aristobot.following import follow
from aristobot.supervision.liveness import Pulse, beat
from aristobot.terminals.gateway.balances import BalanceTeller
from aristobot.terminals.gateway.clients import Clients
from aristobot.terminals.gateway.counter import Counter
from aristobot.terminals.gateway.depths import Depths
from aristobot.terminals.gateway.errands import MOVES, TASKS, asked_by
from aristobot.terminals.gateway.follower import Follower
from aristobot.terminals.gateway.loads import Loads
from aristobot.terminals.gateway.rules import RulesKeeper
from aristobot.wiring import House, utc_now
from domain.orders.order import Order
from domain.orders.order_status import LIVE, Status
from domain.people.broker import Broker
from domain.people.registry import REGISTRY_ID, Registry
from domain.refusals import NotFound, Refused
from domain.trading.position import Position

NAME = "gateway"
CHANGES = frozenset({"Broker.CredentialStored", "Broker.StopStyleChanged", "Broker.Removed"})
TOPICS = CHANGES | TASKS.keys()
PRICE_SECONDS = 2.0


class Gateway:
    """All lanes, and the clients that they share."""

    def __init__(self, house: House, log: Any) -> None:
        self._house = house
        self._log = log
        self._sender = uuid4()
        self._clients = Clients(house, log)
        self.lanes: dict[int, Lane] = {}
        self.pulse = Pulse()
        self.follower: Follower | None = None
        self.loads = Loads(house, self._clients, self.lanes, log)
        self.counter = Counter(house, self._clients, self.lanes, self.loads, log)
        self.balances = BalanceTeller(house, self._clients, self.lanes, log)
        self.depths = Depths(house.bus, self._clients, log)
        self._rules = RulesKeeper(house, self._clients, self.lanes, log)
        self._working: dict[int, asyncio.Task[None]] = {}
        self._listening: dict[int, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[UUID, tuple[int, str]] = {}
        self._waiting: dict[int, list[tuple[Task, UUID]]] = {}
        self._unfinished: dict[int, list[Order]] = {}
        self._opening: dict[int, asyncio.Lock] = {}

    async def open_lanes(self) -> None:
        """Find every unfinished order in the log, once, and open a lane for every broker."""
        await self.remember()
        await self.begin()

    async def remember(self) -> None:
        """Read unfinished orders and open positions from the log and keep them for the lanes, the doubts first."""
        ids = await asyncio.to_thread(self._house.store.orders_not_ended)
        ids += await asyncio.to_thread(self._house.store.orders_unexplained)
        orders = await asyncio.to_thread(self._house.store.get_all, Order, [*dict.fromkeys(ids)])
        for order in orders:
            if order.status in LIVE or order.is_unexplained:
                self._resume(order)
        # Only now what was never sent: an entry must not overtake a doubt about its own symbol, nor an exit before it.
        for order in sorted(orders, key=lambda one: one.created_on):
            if order.status is Status.PLACED:
                self.tell(order.broker, Task.SEND, order.id)
        held = await asyncio.to_thread(self._house.store.positions_open)
        for position in await asyncio.to_thread(self._house.store.get_all, Position, held):
            self._moved(position)

    def start(self) -> None:
        """Open the lanes in the background."""
        self.watch(self.begin())

    async def begin(self) -> None:
        """Open a lane for every broker. An exchange that does not answer holds up no other."""
        registry = await asyncio.to_thread(self._house.store.find, Registry, REGISTRY_ID)
        numbers = range(1, (registry.last_broker if registry else 0) + 1)
        await asyncio.gather(*(self.open_lane(number) for number in numbers))

    def _resume(self, order: Order) -> None:
        lane = self.lanes.get(order.broker)
        if lane is None:
            self._unfinished.setdefault(order.broker, []).append(order)
        else:
            lane.resume(order)

    async def open_lane(self, number: int) -> None:
        """Open the lane of a broker. What was asked of it before is done first."""
        async with self._opening.setdefault(number, asyncio.Lock()):
            await self._open_lane(number)

    async def _open_lane(self, number: int) -> None:
        if number in self.lanes:
            return
        try:
            broker = await asyncio.to_thread(self._house.store.get, Broker, Broker.create_id(number))
            if broker.removed:
                return
            credentials = await asyncio.to_thread(self._house.vault.credentials, number)
            exchange = await self._clients.of(broker.exchange, broker.venue)
        except (Refused, ExchangeError) as error:
            self._log.warning("lane_not_open", broker=number, error=str(error))
            self._again(5.0, number)
            return
        markets = await self._clients.markets(broker.exchange, broker.venue)
        rules_doubted = partial(self._rules.doubt, broker.exchange, broker.venue)
        account = Account(broker, exchange, credentials, markets, utc_now, self._log, rules_doubted)
        lane = Lane(account, self._house.store, self._house.snapshots, self._sender)
        self.lanes[number] = lane
        # Doubts first: an entry must not overtake a doubt about its own symbol.
        for order in self._unfinished.pop(number, []):
            lane.resume(order)
        for task, subject in self._waiting.pop(number, []):
            lane.agenda.put(task, subject)
        self._working[number] = self.watch(lane.work())
        self._listening[number] = self.watch(lane.follow_stream())
        self._log.info("lane_open", broker=number, exchange=broker.exchange, venue=broker.venue)

    async def _renew(self, broker: Broker) -> None:
        """Let the lane of a broker that was changed go on with its new settings and keys."""
        lane = self.lanes.get(broker.number)
        if broker.removed:
            self._close_lane(broker.number)
        elif lane is None:
            await self.open_lane(broker.number)
        else:
            try:
                keys = await asyncio.to_thread(self._house.vault.credentials, broker.number)
            except NotFound:
                return  # it is being removed this very moment, and that is heard next
            lane.renew(broker, keys)
            self._listening[broker.number].cancel()
            self._listening[broker.number] = self.watch(lane.follow_stream())

    def _close_lane(self, number: int) -> None:
        lane = self.lanes.pop(number, None)
        if lane is not None:
            lane.close()
            for tasks in (self._working, self._listening):
                tasks.pop(number).cancel()
            self._log.info("lane_closed", broker=number)

    def watch(self, work: Any) -> asyncio.Task[None]:
        """Begin some work. The terminal ends with it, should it fail."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A lane that died silently would lose wishes: the whole terminal restarts and looks everything up.
            self._log.error("work_died", error=repr(error))
            asyncio.get_running_loop().stop()

    def _again(self, seconds: float, number: int) -> None:
        asyncio.get_running_loop().call_later(seconds, lambda: self.watch(self.open_lane(number)))

    def tell(self, broker: int, task: Task, subject: UUID) -> None:
        """Put an order or a position on the agenda of its broker's lane, or keep it until that lane is open."""
        lane = self.lanes.get(broker)
        if lane is None:
            self._waiting.setdefault(broker, []).append((task, subject))
        else:
            lane.agenda.put(task, subject)

    async def hear(self, topic: str, event: Any) -> None:
        """Act on one event of the log."""
        if topic in CHANGES:
            broker = await asyncio.to_thread(self._house.store.get, Broker, event.originator_id)
            await self._renew(broker)
            if topic == "Broker.CredentialStored" and not broker.removed:
                self.counter.begin(self.counter.load_markets(broker, anew=False))
        elif topic == "Order.Placed":  # the hot path: nothing has to be read for it
            self.tell(event.broker, Task.SEND, event.originator_id)
        elif topic in MOVES:
            self._moved(await asyncio.to_thread(self._house.store.get, Position, event.originator_id))
        else:
            if topic == "Order.Resolved":
                await self._decided(event.originator_id)
            asked = await asyncio.to_thread(asked_by, topic, event, self._house.store)
            if asked is not None:
                self.tell(asked.broker, *asked.errand)

    async def _decided(self, order_id: UUID) -> None:
        """Look up an order at once whose doubt a person has ended."""
        order = await asyncio.to_thread(self._house.store.get, Order, order_id)
        lane = self.lanes.get(order.broker)
        if lane is not None:
            lane.decided(order_id)

    def _moved(self, position: Position) -> None:
        """Guard a position that has changed, and ask for its price as long as it is open."""
        if position.is_open:
            self._held[position.id] = (position.broker, position.symbol)
        else:
            self._held.pop(position.id, None)
        self.tell(position.broker, Task.GUARD, position.id)

    async def keep_pulse(self) -> None:
        """Let the pulse turn as long as the loop of all lanes does."""
        while True:
            self.pulse.turn()
            await asyncio.sleep(1)

    async def keep_time(self) -> None:
        """Measure the clocks of the exchanges at intervals."""
        await self._clients.keep_time()

    async def keep_rules(self) -> None:
        """Load the rules of all markets hourly, and when an exchange refuses what they allow."""
        await self._rules.keep()

    async def keep_prices(self) -> None:
        """Tell the console the last prices of all open positions."""
        while True:
            for key, exchange in self._clients.items():
                try:
                    await self._tell_prices(key, exchange)
                except Exception as error:
                    self._log.warning("prices_unknown", error=repr(error))
            await asyncio.sleep(PRICE_SECONDS)

    async def _tell_prices(self, key: tuple[str, str], exchange: ExchangeClient) -> None:
        brokers = {n for n, lane in self.lanes.items() if (lane.broker.exchange, lane.broker.venue) == key}
        symbols = {symbol for broker, symbol in self._held.values() if broker in brokers}
        known = await self._clients.markets(*key)
        markets = [known[symbol] for symbol in symbols if symbol in known]
        if markets:
            # Where prices stand in for orders that cannot rest, they may use what is kept for orders.
            urgent = any(self.lanes[number].watches for number in brokers)
            tickers = await exchange.tickers(markets, urgent=urgent)
            prices = {symbol: f"{ticker.last:f}" for symbol, ticker in tickers.items()}
            for number in brokers:
                self.lanes[number].hear_prices(tickers)
            await asyncio.to_thread(self._house.bus.tell_prices, *key, prices)

    def figures(self) -> dict[str, Any]:
        """Return the figures of the health page and the alerts terminal: streams and their ages, clocks, doubts."""
        offsets = [exchange.clock_offset.total_seconds() for _, exchange in self._clients.items()]
        lanes = {str(number): lane for number, lane in [*self.lanes.items()]}
        heard = [lane.heard_at for lane in lanes.values() if lane.heard_at is not None]
        return {
            "position": None if self.follower is None else self.follower.position,
            "lanes": len(lanes),
            "streams": sum(lane.streaming for lane in lanes.values()),
            "deaf": [{"broker": number} for number, lane in lanes.items() if lane.deaf],
            "blind": [{"broker": number, "symbol": symbol} for number, lane in lanes.items() for symbol in lane.blind],
            "stream_age": round(time.time() - max(heard), 1) if heard else None,
            "clock_offset_ms": max((round(offset * 1000, 1) for offset in offsets), default=None),
            "depths": self.depths.followed,
            "doubts": sum(lane.doubts for lane in lanes.values()),
            "reconciled": {
                number: round((utc_now() - lane.reconciled_at).total_seconds(), 1)
                for number, lane in lanes.items()
                if lane.reconciled_at is not None
            },
            "exchanges": {
                f"{exchange}/{venue}": client.last_answer and round(time.time() - client.last_answer, 1)
                for (exchange, venue), client in self._clients.items()
            },
        }

    async def close(self) -> None:
        """Close all lanes and clients."""
        for lane in self.lanes.values():
            lane.close()
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.counter.close()
        await self._clients.close()


async def _follow(house: House, gateway: Gateway, log: Any, stopping: threading.Event, pulse: Pulse) -> None:
    loop = asyncio.get_running_loop()
    follower = await asyncio.to_thread(Follower, house.store, NAME, TOPICS, gateway.hear, loop)
    gateway.follower = follower
    await asyncio.to_thread(follow, follower.step, log, stopping, pulse, house.bell(TOPICS))


async def _run(house: House, log: Any, stopping: threading.Event) -> None:
    gateway, pulse = Gateway(house, log), Pulse()
    beat(house.bus, NAME, gateway.figures, stopping, pulse, gateway.pulse)
    await gateway.remember()
    gateway.start()
    keep = (
        gateway.keep_pulse,
        gateway.keep_time,
        gateway.keep_prices,
        gateway.keep_rules,
        gateway.balances.keep,
        gateway.counter.serve,
        gateway.loads.keep,
        gateway.depths.keep,
    )
    keeping = [gateway.watch(work()) for work in keep]
    try:
        await _follow(house, gateway, log, stopping, pulse)
    finally:
        stopping.set()  # whatever ended it: the thread that follows the log would outlive the loop
        for task in keeping:
            task.cancel()
        await gateway.close()


def run(house: House, log: Any, stopping: threading.Event) -> None:
    """Run the gateway until `stopping`. The next start finds in the log what was on its way."""
    uvloop.run(_run(house, log, stopping))
