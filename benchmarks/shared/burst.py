"""Hundreds of buys in one second at an exchange that limits new orders: how many are sent, how fast, and how safely."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import asdict, dataclass

import psycopg
from psycopg.rows import dict_row
from shared.alerts import post
from shared.paper import ENDLESS, WINDOW, PaperExchange, bare, until_turn
from shared.running import Running

from adapters.log.eventstore import Store, open_pool
from application.orders.turns import LIST, RESERVE, SINGLE
from application.ports.requests import Action, Request
from application.webhooks.case import AGE_OF_ENTRY

LIMIT = 50
"""The most new orders in ten seconds."""
PRICE, STOP, TARGET = 10.0, 8.0, 15.0
PERCENT = 0.25
"""The percentage of the free balance: the last of hundreds is still above the minimum cost of an order."""
BEGIN_AT = 4.0
"""Seconds into a window: the first and the last window of a wish's life are then both long enough to be used."""
GIVEN_BACK = 1
"""The amount by which an order's first trade lowers the count."""
SETTLE_SECONDS = 8.0
WISHES = """
    SELECT placed.state -> 'wish' ->> 'symbol' AS symbol, ends.topic, ends.reason
    FROM log.event_log AS placed
    LEFT JOIN LATERAL (
        SELECT topic, state ->> 'reason' AS reason FROM log.event_log AS said
        WHERE said.stream = placed.stream AND topic IN ('Order.Refused', 'Order.Rejected', 'Order.Closed')
        ORDER BY position LIMIT 1
    ) AS ends ON true
    WHERE placed.topic = 'Order.Placed' AND placed.state -> 'wish' ->> 'side' = 'buy'
"""
LAST = "SELECT max(extract(epoch FROM recorded_at))::float8 FROM log.event_log WHERE topic = 'Webhook.Received'"
FAILED = "SELECT count(*) FROM log.event_log WHERE topic = 'Webhook.Failed' AND state ->> 'reason' = 'stale'"
LIMITS = ("-1015", "-1003")
"""The exchange's error codes for a used-up order count and a used-up weight."""


@dataclass(frozen=True)
class Figures:
    """The outcome of a burst. Times are in seconds; the other figures are counts."""

    alerts: int
    per_window: int
    """The entries that a full window has room for: all of them where a fill gives back what its entry took."""
    expected: int
    sent: int
    doubled: int
    stale: int
    told: int
    lost: int
    """Entries neither sent nor reported as stale."""
    refusals: int
    """The number of times that the exchange reported a used-up limit."""
    bare_p50: float
    bare_worst: float
    late: int
    """Positions that had no stop for longer than a second."""
    windows: list[int]
    """Entries in each window."""

    @property
    def met(self) -> bool:
        """True when everything is as promised."""
        clean = not (self.doubled or self.lost or self.refusals or self.late)
        return clean and self.sent >= self.expected and self.told == self.stale

    def kept(self) -> dict[str, object]:
        """Return the figures for the file of results."""
        return asdict(self) | {"met": self.met}


def burst(platform: Running, alerts: int, *, protected: bool) -> Figures:
    """Send one second of alerts to one broker, each for a market of its own, and return the figures.

    That way the protection of each costs a whole list. In one market the changes of a second would be merged into one,
    and the number of orders it takes would depend on the speed of the platform.
    """
    exchange, symbols = PaperExchange(platform), [f"D{number:03d}/USDT" for number in range(alerts)]
    for symbol in symbols:
        new = {"base": symbol.partition("/")[0], "quote": "USDT", "price": f"{PRICE}", "tick": "0.01", "step": "0.001"}
        exchange.put("markets", list=new)
    exchange.put("counts", limits={"10S": LIMIT})
    _load_markets(platform)
    until_turn(WINDOW)
    time.sleep(BEGIN_AT)
    began = time.time()
    bodies = [_alert(platform, symbol, protected=protected) for symbol in symbols]
    asyncio.run(post(platform.told["webhook_url"], bodies, [began + n / alerts for n in range(alerts)]))
    age = AGE_OF_ENTRY.total_seconds()
    time.sleep(age + SETTLE_SECONDS)
    return _figures(platform, exchange, symbols, began, protected=protected)


def _load_markets(platform: Running) -> None:
    """Let the gateway load the new markets and the limit."""
    house, told = platform.house(), platform.told
    asked = Request(told["user_number"], Action.LOAD_MARKETS, {"broker_id": told["broker"]}, "benchmark", time.time())
    [*_, answer] = house.bus.ask(asked)
    if not answer.success:
        raise RuntimeError(f"the markets were not loaded: {answer.error}")


def _alert(platform: Running, symbol: str, *, protected: bool) -> bytes:
    prices = {"PrixSL": STOP, "PrixTP": TARGET} if protected else {}
    user = {"UserID": platform.told["user_number"], "UserExchangeID": platform.told["broker"]}
    alert = {"Symbol": symbol.replace("/", ""), "Action": "BuyMarket", "PourCent": PERCENT, **user, **prices}
    return json.dumps(alert).encode()


def _expected(alerts: int, began: float, last: float, *, protected: bool) -> tuple[int, int]:
    """Return how many entries fit into a window, and how many may be sent before the last of them is too old.

    An entry needs room for itself, its list and the reserve. What stays taken is the first two, less what its fill
    gives back.
    """
    gross = SINGLE + (LIST if protected else 0)
    net = gross - GIVEN_BACK
    per_window = alerts if net == 0 else (LIMIT - RESERVE - gross) // net + 1
    windows = int((last + AGE_OF_ENTRY.total_seconds()) // WINDOW - began // WINDOW) + 1
    return per_window, min(alerts, windows * per_window)


def _figures(
    platform: Running, exchange: PaperExchange, symbols: list[str], began: float, *, protected: bool
) -> Figures:
    exchange.put("limits", enabled=False)  # so that the questions that follow cost no weight
    with psycopg.connect(platform.owner, row_factory=dict_row) as connection:
        wishes = connection.execute(WISHES).fetchall()
    with psycopg.connect(platform.owner) as connection:
        [(last,)], [(told,)] = connection.execute(LAST).fetchall(), connection.execute(FAILED).fetchall()
    buys = {symbol: [t for t in exchange.trades(symbol) if t.side == "buy"] for symbol in symbols}
    sent = [symbol for symbol in symbols if buys[symbol]]
    stale = {wish["symbol"] for wish in wishes if (wish["topic"], wish["reason"]) == ("Order.Refused", "stale")}
    without = sorted(_bare(exchange, symbol, buys[symbol][0].at) for symbol in sent) if protected else [0.0]
    per_window, expected = _expected(len(symbols), began, last, protected=protected)
    windows = Counter(int(buys[symbol][0].at // WINDOW) for symbol in sent)
    return Figures(
        alerts=len(symbols), per_window=per_window, expected=expected, sent=len(sent),
        doubled=sum(len({trade.order for trade in made}) > 1 for made in buys.values()),
        stale=len(stale), told=told, lost=len(symbols) - len(stale | {*sent}), refusals=refusals(platform),
        bare_p50=without[len(without) // 2] if without else ENDLESS, bare_worst=max(without, default=ENDLESS),
        late=sum(seconds > 1 for seconds in without), windows=[windows[number] for number in sorted(windows)],
    )  # fmt: skip


def _bare(exchange: PaperExchange, symbol: str, bought_at: float) -> float:
    """Return how long a position had no stop after its fill, infinite if it has none now."""
    stops = exchange.stops(symbol)
    resting = [stop for stop in stops if stop.until == ENDLESS]
    return bare(stops, bought_at, max(stop.since for stop in resting)) if resting else ENDLESS


def refusals(platform: Running) -> int:
    """Return how often the exchange refused a change or a question because a limit was used up, by its own messages."""
    said = (platform.home / "logs" / "gateway.log").read_text(errors="replace")
    questions = sum(any(f"{code}: " in line for code in LIMITS) for line in said.splitlines())
    with open_pool(platform.owner) as pool:
        topics, store, reached, changes = ("Order.Deferred", "Order.Rejected"), Store(pool, platform.master), 0, 0
        while page := store.read(reached, topics=topics):
            reached = page[-1].position
            proofs = [str(vars(recorded.event)) for recorded in page]
            changes += sum(any(f'"code":{code}' in proof for code in LIMITS) for proof in proofs)
    return questions + changes
