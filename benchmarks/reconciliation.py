"""The time until the platform knows the truth again, on `aristobot run` with the paper exchange's limits off.

The gateway is killed (kill -9) while orders rest on the exchange: 50 on three brokers, then 500 and 5,000 on one. Time
counts from the kill to the end of the start-up reconciliation, whose own duration has to grow linearly. Then orders
fill one by one, timed from the price that fills them to their row on `/api/live`. Then the gateway is killed while it
sends, once with the request on its way and once with the request lost, timed until the order is known. Targets: 5 s, 20
s, 5,000 at most 12 times 500; p95 below 250 ms; known before `valid_until` + 70 s.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import psycopg
from shared.figures import keep
from shared.running import Running, running

from adapters.exchanges.binance.client import Binance
from adapters.log.eventstore import Store, open_pool
from application.people.brokers import connect_broker
from application.ports.statements import Credentials, OrderRequest
from aristobot.wiring import House
from domain.aggregate import carrying
from domain.market import Market
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side, Source, TimeInForce, Type, Wish
from domain.people.broker import Exchange, Venue

AT_ONCE, PER_COMMIT = 32, 200
FILLS, PAUSE = 40, 0.15
ON_ITS_WAY = 0.3
"""Seconds after which the request of a recorded intent is on the exchange, or lost."""
QUANTITY, PRICE = Decimal("0.001"), Decimal(30000)
TARGETS = {"fifty": 5.0, "five_thousand": 20.0, "growth": 12.0, "fill_to_row_p95_ms": 250.0, "after_valid_until": 70.0}


class Bench:
    """The running platform, seen from outside."""

    def __init__(self, house: House, writer: Store, platform: Running) -> None:
        self.house, self.writer, self.platform, self.told = house, writer, platform, platform.told
        rest = self.told["paper_binance"]
        self.client = Binance(rest, rest.replace("http", "ws", 1) + "/ws-api/v3", rest.replace("http", "ws", 1))
        self.market: Market

    async def prepare(self, session: aiohttp.ClientSession) -> list[tuple[int, Credentials]]:
        """Connect four rich accounts as brokers of the demo user, the last one for the many orders."""
        await self._put(session, "limits", {"enabled": False})
        many = {"symbol": "BTC/USDT", "filters": {"MAX_NUM_ORDERS": {"maxNumOrders": 1_000_000}}}
        await self._put(session, "markets", many)
        await self._put(session, "price", {"symbol": "BTC/USDT", "price": "60000"})
        self.market = next(m for m in await self.client.markets() if m.symbol == "BTC/USDT")
        brokers = []
        for number in range(4):
            body = {"exchange": "binance", "balances": {"USDT": "10000000"}}
            async with session.post(f"{self.told['paper']}/paper/accounts", json=body) as answer:
                keys = await answer.json()
            held = Credentials(keys["key"], keys["secret"])
            given = (self.told["user_number"], Exchange.BINANCE, Venue.PAPER, f"Paper {number}", held)
            brokers.append((connect_broker(self.house.store, self.house.vault, *given).number, held))
        return brokers

    async def _put(self, session: aiohttp.ClientSession, what: str, body: dict[str, Any]) -> None:
        async with session.put(f"{self.told['paper']}/paper/{what}", json=body) as answer:
            answer.raise_for_status()

    async def rest(self, broker: int, held: Credentials, count: int, price: Decimal = PRICE) -> list[Order]:
        """Place orders on the exchange and record them in the log as after their acceptance."""
        leave, orders = asyncio.Semaphore(AT_ONCE), list[Order]()

        async def place(number: int) -> None:
            async with leave:
                at = price - number * self.market.price_tick
                name = f"ARISTO_{self.told['user_number']}_{uuid4().hex[:20]}"
                request = OrderRequest(name, self.market, Side.BUY, Type.LIMIT, quantity=QUANTITY, price=at,
                                       time_in_force=TimeInForce.GTC)  # fmt: skip
                report = await self.client.place(held, request)
                order, now = self._wished(broker, at, name), datetime.now(UTC)
                with carrying(user=str(self.told["user_number"])):
                    until = now + timedelta(seconds=5)
                    order.submit(uuid4(), now=now, valid_until=until, quantity=QUANTITY, cost=None, price=at)
                    order.accept(report.exchange_order_id, report.raw)
                orders.append(order)

        await asyncio.gather(*(place(number) for number in range(count)))
        for start in range(0, count, PER_COMMIT):
            await asyncio.to_thread(self.writer.save, *orders[start : start + PER_COMMIT])
        return orders

    def _wished(self, broker: int, price: Decimal, name: str | None = None) -> Order:
        user = self.told["user_number"]
        wish = Wish("BTC/USDT", Side.BUY, Type.LIMIT, QUANTITY, price=price, time_in_force=TimeInForce.GTC)
        with carrying(user=str(user)):
            return Order.place(
                order_id=uuid4(), user=user, broker=broker, wish=wish, source=Source.MANUAL, requester="benchmark",
                client_order_id=name or f"ARISTO_{user}_{uuid4().hex[:20]}",
            )  # fmt: skip

    def kill_gateway(self) -> float:
        """Kill the gateway alone (kill -9) and return when (Unix time)."""
        [gateway] = self.house.bus.terminals(("gateway",))
        os.kill(gateway["figures"]["pid"], signal.SIGKILL)
        return time.time()

    async def compared(self, since: float, brokers: list[int]) -> tuple[float, float]:
        """Return the seconds from `since` to the end of these brokers' start-up reconciliations, and the longest run.

        The second value is the duration (seconds) that the longest of them has recorded.
        """
        query = """
            SELECT extract(epoch FROM ended.recorded_at)::float8, (ended.state ->> 'seconds')::float8
            FROM log.event_log AS ended JOIN log.event_log AS began
                ON began.stream = ended.stream AND began.topic = 'Reconciliation.Started'
            WHERE ended.topic = 'Reconciliation.Completed' AND began.state ->> 'occasion' = 'start'
                AND ended.recorded_at > to_timestamp(%s) AND (began.state ->> 'broker')::int = ANY(%s)
        """
        while True:
            with psycopg.connect(self.platform.owner) as connection:
                rows = connection.execute(query, (since, brokers)).fetchall()
            if len(rows) >= len(brokers):
                return max(at for at, _ in rows) - since, max(seconds for _, seconds in rows)
            await asyncio.sleep(0.05)

    async def _rest_by_gateway(self, broker: int, count: int, price: Decimal) -> list[Order]:
        orders = [self._wished(broker, price - number * self.market.price_tick) for number in range(count)]
        await asyncio.to_thread(self.writer.save, *orders)
        for order in orders:
            await self._until(order.id, lambda o: o.status is Status.OPEN)
        return orders

    async def fills(self, session: aiohttp.ClientSession, broker: int) -> list[float]:
        """Return for each order the milliseconds from the price that fills it to its row on the socket, sorted."""
        orders = await self._rest_by_gateway(broker, FILLS, Decimal(59000))
        body = {"username": self.told["user"], "password": self.told["password"]}
        async with session.post(f"{self.told['console']}/api/session", json=body) as answer:
            headers = {"Cookie": f"aristobot_session={answer.cookies['aristobot_session'].value}"}
        seen, filled_at = dict[str, float](), dict[str, float]()

        async def listen() -> None:
            async with session.ws_connect(f"{self.told['console']}/api/live", headers=headers, max_msg_size=0) as live:
                await live.send_json({"follow": ["trades"]})
                async for message in live:
                    said = json.loads(message.data)
                    for item in said["items"] if said["topic"] == "trades" else ():
                        if item["state"] == "closed":
                            seen.setdefault(item["id"], time.time())

        listening = asyncio.create_task(listen())
        await asyncio.sleep(2)
        for order in sorted(orders, key=lambda o: -(o.price or PRICE)):
            filled_at[str(order.id)] = time.time()
            await self._put(session, "price", {"symbol": "BTC/USDT", "price": f"{order.price:f}"})
            await asyncio.sleep(PAUSE)
        await asyncio.sleep(3)
        listening.cancel()
        return sorted((seen.get(name, float("inf")) - at) * 1000 for name, at in filled_at.items())

    async def known_after(self, session: aiohttp.ClientSession, broker: int, fault: dict[str, Any]) -> float:
        """Kill the gateway during a send and return the seconds after `valid_until` at which the order is known."""
        async with session.post(f"{self.told['paper']}/paper/faults", json=fault) as answer:
            answer.raise_for_status()
        order = self._wished(broker, PRICE)
        await asyncio.to_thread(self.writer.save, order)
        sent = await self._until(order.id, lambda o: o.status is not Status.PLACED)
        await asyncio.sleep(ON_ITS_WAY)
        self.kill_gateway()
        known = await self._until(order.id, lambda o: o.status not in {Status.SUBMITTED, Status.UNKNOWN})
        print(f"{fault['kind']}: {known.status} {known.reason or ''}")
        assert sent.valid_until is not None
        return (datetime.now(UTC) - sent.valid_until).total_seconds()

    async def _until(self, order_id: UUID, holds: Any) -> Order:
        while not holds(order := await asyncio.to_thread(self.writer.get, Order, order_id)):  # noqa: ASYNC110 - it stands in the log
            await asyncio.sleep(0.01)
        return order


async def _measure(bench: Bench) -> dict[str, float]:
    async with aiohttp.ClientSession() as session:
        brokers = await bench.prepare(session)
        await asyncio.to_thread(bench.platform.await_word, "gateway.log", "Phase 5", 5)
        for (number, held), count in zip(brokers[:3], (17, 17, 16), strict=True):
            await bench.rest(number, held, count)
        figures = {"fifty": (await bench.compared(bench.kill_gateway(), [n for n, _ in brokers[:3]]))[0]}
        took = await bench.fills(session, brokers[0][0])
        figures["fill_to_row_p95_ms"] = took[len(took) * 95 // 100]
        many, held = brokers[3]
        await bench.rest(many, held, 500, Decimal(20000))
        _, five_hundred = await bench.compared(bench.kill_gateway(), [many])
        await bench.rest(many, held, 4500, Decimal(19000))
        figures["five_thousand"], five_thousand = await bench.compared(bench.kill_gateway(), [many])
        figures["five_hundred_run"], figures["five_thousand_run"] = five_hundred, five_thousand
        figures["growth"] = five_thousand / five_hundred
        late = []
        for kind in ("delay", "lose_request"):
            fault = {"exchange": "binance", "when": "place_order", "kind": kind, "times": 1, "seconds": 2}
            late.append(await bench.known_after(session, brokers[1][0], fault))
        figures["known_after_delay"], figures["after_valid_until"] = late
    await bench.client.close()
    return {name: round(value, 3) for name, value in figures.items()}


def main() -> None:
    with running() as platform:
        house = platform.house()
        with house.pool, open_pool(platform.url("aristobot_writer")) as pool:
            bench = Bench(house, Store(pool, platform.master), platform)
            figures = asyncio.run(_measure(bench))
    met = all(figures[name] < target for name, target in TARGETS.items())
    each = "; ".join(f"{name} {figures[name]} ({target:g})" for name, target in TARGETS.items())
    print(f"reconciliation, figure (target): {each}; {'met' if met else 'missed'}")
    keep("reconciliation", figures=figures, targets=TARGETS, met=met)


if __name__ == "__main__":
    main()
