"""One broker's lane in the gateway: the only place that sends its orders, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from uuid import UUID

from application.lane.changes import Changes
from application.lane.sending import Sending
from application.orders.account import Account
from application.orders.agenda import Agenda, Task
from application.orders.lookups import LookUps
from application.ports.exchange import Credentials, OrderReport, Ticker
from application.protection.guard import Guard
from application.protection.legs import Legs
from application.reconciliation.reconciler import Reconciler
from application.reconciliation.run import Run
from application.reconciliation.schedule import Schedule
from domain.broker import Broker
from domain.market import Market
from domain.order import PROTECTION, Order, Status
from domain.reconciliation import Occasion
from domain.refusals import Impossible

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
STEADY = timedelta(seconds=30)
"""How long a private stream that tells nothing has to stand before the pauses between connections are short again."""
WAIT_SECONDS = 1.0
"""How long what has failed waits before it is tried again."""


class Lane:
    """Everything that changes something at one broker goes through here, one at a time."""

    def __init__(self, account: Account) -> None:
        self.broker = account.broker
        self._account = account
        self.agenda = Agenda()
        self._look_ups = LookUps(self._account, self.agenda)
        self._legs = Legs(self._account, self._look_ups)
        self._guard = Guard(self._account, self._legs, self.agenda)
        self._sending = Sending(self._account, self._look_ups, self._legs, self.agenda)
        self._changes = Changes(self._account, self._look_ups)
        self._schedule = Schedule(account, Reconciler(account, self._look_ups, self.agenda))
        self.heard_at: float | None = None
        """When the private stream last said something (Unix time)."""
        self.streaming = False

    @property
    def doubts(self) -> int:
        """How many orders may or may not exist."""
        return len(self._account.doubts)

    @property
    def deaf(self) -> bool:
        """Whether the private stream stands, or stood last, and does not tell what happens."""
        return self._account.hearing.deaf

    @property
    def blind(self) -> list[str]:
        """The symbols whose prices are watched in the place of orders, and have not been seen for long."""
        return self._guard.blind()

    @property
    def watches(self) -> bool:
        """Whether prices are watched in the place of orders."""
        return bool(self._guard.watched())

    @property
    def reconciling(self) -> bool:
        """Whether the orders are being compared because of the stream."""
        return self._schedule.under_way

    @property
    def reconciled(self) -> asyncio.Event:
        """Set once the orders have been compared with the exchange: nothing is sent before."""
        return self._schedule.first_ended

    # --- what the gateway says to a lane -----------------------------------------------------------------------

    def resume(self, order: Order) -> None:
        """An order that another process sent: until it is known, its symbol waits and sizing reckons with it."""
        if order.is_in_doubt:
            self._account.doubts.begin(order)
        self._account.know(order)
        self._account.recording.meet(order)
        self._legs.adopt(order)
        self._sending.remember(order)
        if order.requester == PROTECTION and order.cause is not None:
            # Its position may have ended, and nobody else asks for it any more.
            self.agenda.put(Task.GUARD, order.cause)
        if order.status is not Status.OPEN or order.cancel_requested or order.amendment is not None:
            self.look_up(order.id)  # what rests is met by the comparison of all orders, in one question

    def look_up(self, order_id: UUID) -> None:
        """An unfinished order is to be asked about until its state is known."""
        self._look_ups.begin(order_id)

    def decided(self, order_id: UUID) -> None:
        """A person has ended a doubt: what waits for it waits no longer."""
        self._look_ups.begin(order_id, at_once=True)

    async def work(self) -> None:
        """Compare with the exchange until that has worked once, then carry out what is queued, for ever."""
        await self._schedule.first()
        carry_out = {
            Task.SEND: self._sending.send,
            Task.CANCEL: self._changes.cancel,
            Task.AMEND: self._changes.amend,
            Task.GUARD: self._guard.drive,
        }
        while True:
            task, subject = await self.agenda.get()
            try:
                await carry_out[task](subject)
            except Exception as error:
                # One order's trouble stops no other. What was sent is looked up, what was not is tried until it is
                # stale; a cancel is asked for again by the look-up, a protection until it rests.
                self._account.log.warning("lane_failed", what=task, subject=str(subject), error=repr(error))
                if task is not Task.GUARD:
                    self.look_up(subject)
                if task in {Task.SEND, Task.GUARD}:
                    self.agenda.put(task, subject, after=WAIT_SECONDS)

    async def follow_stream(self) -> None:
        """Record what the private stream reports, and connect again with growing pauses when it ends.

        Every connection costs a look at all orders: one that only ever stands for a moment does not shorten the pauses.
        """
        pause, lost = FIRST_PAUSE, False
        while True:
            stands_since = self._account.clock()
            try:
                async with asyncio.timeout(None) as patience:
                    async for report in self._account.exchange.reports(self._account.credentials):
                        self.streaming, self.heard_at = True, self._account.clock().timestamp()
                        if report is None:
                            stands_since = self._account.clock()
                            self._account.hearing.begin(patience)
                            self._schedule.begin(Occasion.RECONNECTION if lost else Occasion.FULL)
                            lost = False
                        else:
                            await self.hear(report)
                            pause = FIRST_PAUSE
            except Exception as error:
                # Also what cannot be recorded: a new connection begins with a look at all orders.
                if self.streaming and self._account.clock() - stands_since >= STEADY:
                    pause = FIRST_PAUSE
                self._account.log.warning("stream_ended", broker=self.broker.number, error=repr(error), pause=pause)
            finally:
                self._account.hearing.end()
            lost = lost or self.streaming
            self.streaming = False
            self._schedule.begin(Occasion.FULL)  # the other way may be open
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def look(self, order_id: UUID) -> OrderReport:
        """Ask the exchange about an order; nothing is recorded. Raises as `ExchangeClient.query`, or `Impossible`."""
        order = await self._account.recording.load(order_id)
        market = self._account.markets.get(order.wish.symbol)
        if market is None or order.broker != self.broker.number:
            raise Impossible(f"{order.wish.symbol} is not listed", code="symbol_unknown")
        return await self._account.ask(order, market)

    async def reconcile(self, occasion: Occasion, *, dry: bool = False) -> Run | None:
        """Compare all orders of this broker with what its exchange says; None for a poll that can wait."""
        return await self._schedule.once(occasion, dry=dry)

    async def hear(self, report: OrderReport) -> None:
        """One report of the private stream; orders that are not ours are met by the next comparison."""
        with self._account.hearing.listening(self._account.order_of(report), report):
            await self._account.hear(report)

    def renew(self, broker: Broker, credentials: Credentials) -> None:
        """The broker was changed or has new keys: what is done next is done with them."""
        self.broker, self._account.broker, self._account.credentials = broker, broker, credentials
        self.streaming = False

    def hear_prices(self, tickers: Mapping[str, Ticker]) -> None:
        """Take the newest prices of what is held: positions of which something does not rest are looked at now."""
        self._account.told_prices.update(tickers)
        for position_id in self._guard.watched():
            self.agenda.put(Task.GUARD, position_id)

    def doubt_rules_by(self, ask: Callable[[], None]) -> None:
        """Let a refusal that names a rule ask for the rules of the markets anew."""
        self._account.rules_doubted = ask

    def know_markets(self, markets: Mapping[str, Market]) -> None:
        """The exchange's markets, by symbol, as they are now: what was learned by refusals holds where none changed."""
        for symbol, before in self._account.markets.items():
            if markets.get(symbol) != before:
                self._guard.shapes.forget(symbol)
        self._account.markets.clear()
        self._account.markets.update(markets)
        for position_id in self._guard.met():
            self.agenda.put(Task.GUARD, position_id)

    def close(self) -> None:
        """End the look-ups and the comparison under way."""
        self._look_ups.close()
        self._schedule.close()
