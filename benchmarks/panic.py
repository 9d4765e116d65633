"""A panic with 20 open orders and 5 protected positions on 4 brokers of 2 exchanges, on `aristobot run`.

Measured from the request: until all exits were submitted, all orders cancelled, and all positions closed; and, for each
position, from the end of its stop to the first fill of its exit, which is what the exchange forces. Target: everything
is sent within 3 s.
"""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import httpx
import psycopg
from shared.alerts import percentile
from shared.figures import keep
from shared.running import Running, running

from application.people.brokers import connect_broker
from application.ports.statements import Credentials
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.orders.wish import Side, Source, TimeInForce, Type, Wish
from domain.people.broker import Exchange, Venue

TARGET_SECONDS = 3.0
LONGEST_SECONDS = 60.0
PHRASE = "a phrase"
PRICES = {"BTC/USDT": "60000", "ETH/USDT": "2800"}
HELD = ((0, "BTC/USDT"), (0, "ETH/USDT"), (1, "BTC/USDT"), (2, "BTC/USDT"), (3, "ETH/USDT"))
"""The positions: the place of their broker, and their market."""
RESTING = 5
"""The number of orders that rest at each broker."""
STEPS = {"exits_sent": "Order.Submitted", "cancelled": "Order.Cancelled", "closed": "Position.Closed"}
BARE = """
    SELECT extract(epoch FROM min(filled.recorded_at) - (
        SELECT max(cancelled.recorded_at) FROM log.event_log AS cancelled
            JOIN log.event_log AS stop ON stop.stream = cancelled.stream AND stop.topic = 'Order.Placed'
        WHERE cancelled.topic = 'Order.Cancelled' AND stop.state ->> 'requester' = 'Protection'
            AND stop.state -> 'wish' ->> 'symbol' = sale.state -> 'wish' ->> 'symbol'
            AND stop.state ->> 'broker' = sale.state ->> 'broker'
    ))::float8 * 1000
    FROM log.event_log AS sale JOIN log.event_log AS filled ON filled.stream = sale.stream
        AND filled.topic = 'Order.Filled'
    WHERE sale.topic = 'Order.Placed' AND sale.state ->> 'requester' = 'Panic'
    GROUP BY sale.stream, sale.state
"""


def _ask(url: str, method: str, body: Any) -> Any:
    with urlopen(Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method)) as said:
        return json.loads(said.read() or b"null")


def _brokers(platform: Running) -> list[int]:
    """Return the demo's broker and three more, two of them at Bitget, with their lanes open."""
    told, house = platform.told, platform.house()
    brokers = [int(told["broker"])]
    with house.pool:
        for exchange in ("binance", "bitget", "bitget"):
            phrase = PHRASE if exchange == "bitget" else None
            body = {"exchange": exchange, "balances": {"USDT": "100000"}, "passphrase": phrase}
            made = _ask(f"{told['paper']}/paper/accounts", "POST", body)
            keys = Credentials(made["key"], made["secret"], phrase)
            name = f"{exchange} {len(brokers)}"
            where = (Exchange(exchange), Venue.PAPER, name, keys)
            brokers.append(connect_broker(house.store, house.vault, told["user_number"], *where).number)
    platform.await_word("gateway.log", "lane_open", len(brokers))
    return brokers


def _trade(platform: Running, brokers: list[int]) -> None:
    """Buy the positions under their stops, and let the orders rest."""
    told, house = platform.told, platform.house()
    for symbol, price in PRICES.items():
        _ask(f"{told['paper']}/paper/price", "PUT", {"symbol": symbol, "price": price})
    for place, symbol in HELD:
        alert = {
            "Symbol": symbol.replace("/", ""), "Action": "BuyMarket", "PourCent": 10, "IndicateurName": f"{place}",
            "PrixSL": float(PRICES[symbol]) * 0.8, "UserID": told["user_number"], "UserExchangeID": brokers[place],
        }  # fmt: skip
        _ask(told["webhook_url"], "POST", alert)
    with house.pool, carrying(user=str(told["user_number"])):
        for broker in brokers:
            for number in range(RESTING):
                order_id = uuid4()
                wish = Wish(
                    "BTC/USDT", Side.BUY, Type.LIMIT, quantity=Decimal("0.001"), price=Decimal(40000 + number),
                    time_in_force=TimeInForce.GTC,
                )  # fmt: skip
                house.store.save(
                    Order.place(
                        order_id=order_id,
                        user=told["user_number"],
                        broker=broker,
                        wish=wish,
                        source=Source.MANUAL,
                        requester="benchmark",
                        client_order_id=f"ARISTO_{order_id.hex[:20]}",
                        not_after=None,
                        cause=None,
                    )
                )


def _count(connection: psycopg.Connection[Any], topic: str) -> int:
    row = connection.execute("SELECT count(*) FROM log.events WHERE topic = %s", (topic,)).fetchone()
    return int(row[0]) if row else 0


def _until(connection: psycopg.Connection[Any], topic: str, count: int) -> None:
    """Wait until the log has this many events of a topic. Raises `TimeoutError`."""
    began = time.monotonic()
    while _count(connection, topic) < count:
        time.sleep(0.02)
        if time.monotonic() - began > LONGEST_SECONDS:
            raise TimeoutError(f"{_count(connection, topic)} of {count} {topic}")


def _panic(platform: Running, connection: psycopg.Connection[Any]) -> tuple[float, dict[str, float], list[float]]:
    """Begin the panic and wait for its end; return the seconds of its answer, of each step, and those without stop."""
    told = platform.told
    with httpx.Client(base_url=told["console"], timeout=30) as console:
        body = {"username": told["user"], "password": told["password"]}
        console.headers["X-CSRF-Token"] = console.post("/api/session", json=body).json()["csrf"]
        asked = time.time()
        answer = console.post("/api/trading/panic", json={"word": "PANIC", "request": str(uuid4())})
        answer.raise_for_status()
        answered = time.time() - asked
    _until(connection, "Position.Closed", len(HELD))
    _until(connection, "Order.CancelRequested", RESTING * 4)
    _until(connection, "Order.Cancelled", RESTING * 4)
    times: dict[str, float] = dict(
        connection.execute(
            "SELECT topic, extract(epoch FROM max(recorded_at))::float8 FROM log.event_log GROUP BY topic"
        ).fetchall()
    )
    steps = {name: times[topic] - asked for name, topic in STEPS.items()}
    return answered, steps, [row[0] for row in connection.execute(BARE)]


def main() -> None:
    with running() as platform, psycopg.connect(platform.owner, autocommit=True) as connection:
        brokers = _brokers(platform)
        _trade(platform, brokers)
        _until(connection, "Position.ProtectionResting", len(HELD))
        _until(connection, "Order.Accepted", RESTING * 4 + len(HELD) * 2)
        answered, steps, bare = _panic(platform, connection)
    met = max(steps["exits_sent"], steps["cancelled"]) < TARGET_SECONDS
    each = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in steps.items())
    print(
        f"panic, {RESTING * 4} orders and {len(HELD)} positions: answered {answered:.2f} s, {each}; from the end of a"
        f" stop to its sale at most {percentile(bare, 100):.0f} ms of {len(bare)}; target {TARGET_SECONDS:.0f} s;"
        f" {'met' if met else 'missed'}"
    )
    keep("panic", answered=answered, steps=steps, bare_ms=bare, target=TARGET_SECONDS, met=met)


if __name__ == "__main__":
    main()
