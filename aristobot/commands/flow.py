"""`aristobot webhook check`: an alert's way through all services, missing alerts, and a gateway that is restarted."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from psycopg.rows import dict_row

from adapters.bus import Bus
from adapters.log.eventstore import Store
from application.commands import on_fresh_state
from application.webhooks import streams
from aristobot.commands.webhooks import OK, Sender
from aristobot.settings import SettingError
from aristobot.terminals import TERMINALS
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.people.broker import Broker, Venue
from domain.webhooks.slots import MISSED_AFTER
from domain.webhooks.stream import WebhookStream
from domain.webhooks.stream_state import StreamKey, StreamStatus
from domain.webhooks.webhook import Webhook, WebhookStatus

T = TypeVar("T")
INDICATOR = "aristobot webhook check"
SYMBOL, MINUTE = "BTC/USDT", "1"
PATIENCE, RESTARTED_WITHIN = 20.0, 90.0
"""Seconds within which a step of the way is done, and a gateway that was ended is back and has reconciled."""
SHARE, BELOW = "1", Decimal("0.9")
"""The size (percent) of the order that is left open, and its price as a part of the last one."""
LOOK_SECONDS = 0.05
MISSING = 3
SLOT = timedelta(minutes=1)


@dataclass(frozen=True)
class Step:
    """One thing that was checked: how long it took (milliseconds), and what was seen."""

    name: str
    ok: bool
    milliseconds: float | None
    detail: str = ""

    def __str__(self) -> str:
        """Say it in one line."""
        took = "" if self.milliseconds is None else f" {self.milliseconds:.0f} ms"
        return f"{'ok  ' if self.ok else 'FAIL'} {self.name}{took} {self.detail}".rstrip()


class FlowCheck:
    """One check of a running platform by a broker that trades no real money."""

    def __init__(self, store: Store, bus: Bus, sender: Sender) -> None:
        """Raise `SettingError` when the broker is not the user's or trades real money."""
        self._store, self._bus, self._sender = store, bus, sender
        broker = store.find(Broker, Broker.create_id(sender.broker))
        if broker is None or broker.user != sender.user or broker.removed:
            raise SettingError(f"user {sender.user} has no broker {sender.broker}")
        if broker.venue is Venue.LIVE:
            raise SettingError(f"{broker.name} trades real money: name a paper or testnet broker")
        self._broker = broker
        self._run = f"{INDICATOR} {datetime.now(UTC):%H%M%S}"

    def steps(self, *, quick: bool) -> Iterator[Step]:
        """Yield each step as it is done. Without `quick`, three alerts are left out, which takes some five minutes."""
        yield from self._terminals()
        yield from self._ping()
        order = yield from self._order()
        if order is not None:
            yield from self._restart(order)
            yield self._cancelled(order)
        if not quick:
            yield from self._missing()

    # --- the way of an alert -----------------------------------------------------------------------------------

    def _terminals(self) -> Iterator[Step]:
        for told in self._bus.terminals([*TERMINALS]):
            yield Step(f"{told['name']} shows signs of life", told["state"] == "up", None, str(told["state"]))

    def _sent(self, action: str, **fields: object) -> tuple[Step, UUID | None, datetime]:
        """Send an alert. Return what the door said, the id of its webhook, and when it was sent."""
        began, head = datetime.now(UTC), self._store.head()
        said = {"Symbol": SYMBOL.replace("/", ""), "IndicateurName": self._run, "Sent": began.isoformat()}
        status, took = self._sender.post(self._sender.alert(action, **said, **fields))
        webhook = self._until(lambda: self._received_since(head))
        return Step(f"door answers {action}", status == OK, took, str(status)), webhook, began

    def _received_since(self, head: int) -> UUID | None:
        """Return the webhook of this run that was received after a log position, None while there is none."""
        told = self._store.read(head, topics=["Webhook.Received"])
        return next((one.stream for one in told if self._run in one.event.body), None)

    def _ping(self) -> Iterator[Step]:
        step, webhook, began = self._sent("PING")
        yield step
        if webhook is not None:
            yield from self._hops(webhook, began, {"Webhook.Received": "receiver", "Webhook.Ignored": "engine"})
            yield self._shown("webhooks", webhook)

    def _order(self) -> Generator[Step, None, UUID | None]:
        """Leave an order open, far below the market. Return it, None when it does not rest."""
        price = self._price()
        if price is None:
            yield Step("a price is known", False, None, f"no candle of {SYMBOL}")
            return None
        step, webhook, began = self._sent("BuyLimit", PourCent=SHARE, Prix=str(price))
        yield step
        if webhook is None:
            return None
        order_id = Order.id_for(webhook)
        self._until(lambda: self._is(order_id, Status.OPEN))
        hops = {
            "Webhook.Taken": "engine decides", "Order.Submitted": "gateway sends", "Order.Accepted": "exchange takes",
        }  # fmt: skip
        yield from self._hops(webhook, began, hops, order_id)
        if not self._is(order_id, Status.OPEN):
            return None
        yield self._shown("trades", order_id)
        return order_id

    def _hops(self, webhook: UUID, began: datetime, names: dict[str, str], order: UUID | None = None) -> Iterator[Step]:
        """Yield how long after the sending each event was recorded."""
        streams_ = [webhook, *([] if order is None else [order])]
        self._until(lambda: {*names} <= {one.topic for one in self._store.history(streams_)})
        told = {one.topic: one.recorded_at for one in self._store.history(streams_)}
        for topic, name in names.items():
            at = told.get(topic)
            took = None if at is None else (at - began).total_seconds() * 1000
            yield Step(f"{name}: {topic}", at is not None, took, self._why(webhook) if at is None else "")

    def _why(self, webhook: UUID) -> str:
        found = self._store.get(Webhook, webhook)
        return f"the webhook is {found.status}: {found.reason or 'no reason'}"

    def _shown(self, table: str, row: UUID) -> Step:
        began = time.monotonic()
        query = f"SELECT 1 FROM books.{table} WHERE id = %s"

        def is_there() -> bool:
            with self._store.pool.connection() as connection:
                return connection.execute(query, (row,)).fetchone() is not None

        done = bool(self._until(is_there))
        return Step(f"projector: row in {table}", done, (time.monotonic() - began) * 1000)

    # --- a restart ---------------------------------------------------------------------------------------------

    def _restart(self, order: UUID) -> Iterator[Step]:
        """End the gateway while an order rests, and see whether the order is found again."""
        pid = self._gateway()
        if pid is None or b"gateway" not in _command_of(pid):
            yield Step("gateway is restarted", False, None, "it does not run on this machine")
            return
        began, head = time.monotonic(), self._store.head()
        os.kill(pid, signal.SIGTERM)
        back = self._until(lambda: (now := self._gateway()) is not None and now != pid, RESTARTED_WITHIN)
        yield Step("gateway is restarted", bool(back), (time.monotonic() - began) * 1000)
        runs = self._until(lambda: self._reconciled_since(head), RESTARTED_WITHIN)
        yield Step("broker is reconciled", bool(runs), (time.monotonic() - began) * 1000)
        yield Step("open order is found again", self._is(order, Status.OPEN), None, str(order))

    def _gateway(self) -> int | None:
        [told] = self._bus.terminals(("gateway",))
        return int(told["figures"]["pid"]) if told["state"] == "up" else None

    def _reconciled_since(self, head: int) -> bool:
        told = self._store.read(head, topics=["Reconciliation.Started", "Reconciliation.Completed"])
        mine = {one.stream for one in told if getattr(one.event, "broker", None) == self._broker.number}
        return any(one.topic.endswith("Completed") and one.stream in mine for one in told)

    def _cancelled(self, order_id: UUID) -> Step:
        began = time.monotonic()

        @on_fresh_state
        def cancel() -> None:
            order = self._store.get(Order, order_id)
            order.request_cancel(INDICATOR)
            self._store.save(order)

        with carrying(user=str(self._sender.user), source="command line", correlation_id=str(order_id)):
            cancel()
        done = bool(self._until(lambda: self._is(order_id, Status.CANCELLED)))
        return Step("order is cancelled", done, (time.monotonic() - began) * 1000)

    # --- alerts that do not come -------------------------------------------------------------------------------

    def _missing(self) -> Iterator[Step]:
        """Leave three alerts of a minute out, and resume the stream that has paused itself."""
        key = StreamKey(self._sender.user, self._broker.number, SYMBOL.replace("/", ""), MINUTE, self._run)
        step, _, _ = self._sent("PING", Interval=MINUTE)
        yield step
        self._until(lambda: self._store.find(WebhookStream, key.id))
        streams.monitor(self._store, self._sender.user, key.id, datetime.now(UTC))
        try:
            yield from self._left_out(key.id)
        finally:
            streams.close(self._store, self._sender.user, key.id)

    def _left_out(self, stream_id: UUID) -> Iterator[Step]:
        patience = (MISSING + 1) * SLOT.total_seconds() + MISSED_AFTER.total_seconds() + PATIENCE
        for number in range(1, MISSING + 1):
            stream = self._until(partial(self._missed, stream_id, number), patience) or self._stream(stream_id)
            yield Step(f"MISS {number} is found", stream.missed >= number, self._lag(stream_id), stream.status)
        yield Step("stream is critical", self._stream(stream_id).status is StreamStatus.CRITICAL, None)
        _, webhook, _ = self._sent("BuyMarket", Interval=MINUTE, PourCent=SHARE)
        ignored = webhook is not None and self._until(lambda: self._ended(webhook) is WebhookStatus.IGNORED)
        yield Step("entry is not executed meanwhile", bool(ignored), None)
        streams.resume(self._store, self._sender.user, stream_id, datetime.now(UTC))
        yield Step("stream is resumed", self._stream(stream_id).status is StreamStatus.MONITORED, None)

    def _lag(self, stream: UUID) -> float | None:
        """Return how long after its confirmation by the clock the last MISS was recorded."""
        told = [one for one in self._store.history([stream]) if one.topic == "WebhookStream.Missed"]
        if not told:
            return None
        late: timedelta = told[-1].recorded_at - told[-1].event.slot - MISSED_AFTER
        return late.total_seconds() * 1000

    def _missed(self, stream_id: UUID, number: int) -> WebhookStream | None:
        """Return the stream once it has missed so many alerts."""
        stream = self._stream(stream_id)
        return stream if stream.missed >= number else None

    def _stream(self, stream: UUID) -> WebhookStream:
        return self._store.get(WebhookStream, stream)

    def _ended(self, webhook: UUID) -> WebhookStatus:
        return self._store.get(Webhook, webhook).status

    # --- looking -----------------------------------------------------------------------------------------------

    def _is(self, order_id: UUID, status: Status) -> bool:
        order = self._store.find(Order, order_id)
        return order is not None and order.status is status

    def _price(self) -> Decimal | None:
        """Return a price (quote per base) below the last candle's, at which a buy rests; None without a candle."""
        query = """
            SELECT candles.close FROM service.candles JOIN service.series ON series.id = candles.series
            WHERE (exchange, venue, symbol) = (%s, %s, %s) ORDER BY opened_at DESC LIMIT 1
        """
        given = (self._broker.exchange, self._broker.venue, SYMBOL)
        with self._store.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(query, given).fetchone()
        if row is None:
            return None
        return round(Decimal(row["close"]) * BELOW, 1)

    @staticmethod
    def _until(condition: Callable[[], T], seconds: float = PATIENCE) -> T | None:
        """Return what the condition returns once it is true, None when it is not within so many seconds."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > deadline:
                return None
            time.sleep(LOOK_SECONDS)
        return found


def _command_of(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def check(flow: FlowCheck, say: Callable[[str], None], *, quick: bool, as_json: bool) -> int:
    """Carry out every step and say each. Return 0 when all are well, else 1."""
    failed = 0
    for step in flow.steps(quick=quick):
        say(json.dumps(asdict(step)) if as_json else str(step))
        failed += not step.ok
    return 1 if failed else 0
