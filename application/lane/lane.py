"""Lane: the only place in the gateway that sends one broker's orders, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from application.lane.changes import Changes
from application.lane.sending import Sending
from application.orders.account import Account
from application.orders.agenda import Agenda, Task
from application.orders.lookups import LookUps
from application.orders.orders import Orders
from application.ports.market_data import Ticker
from application.ports.statements import Balance, Credentials, OrderReport
from application.ports.stores import AccountSnapshots, Store
from application.protection.guard import Guard
from application.protection.legs import Legs
from application.reconciliation.reconciler import Reconciler
from application.reconciliation.run import Run
from application.reconciliation.schedule import Schedule
from domain.market import Market
from domain.orders.order import PROTECTION, Order
from domain.orders.order_status import Status
from domain.people.broker import Broker
from domain.reconciliation import Occasion
from domain.refusals import Impossible

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
STEADY = timedelta(seconds=30)
"""A silent stream that stays up this long resets the reconnection pause."""
WAIT_SECONDS = 1.0
"""Seconds before a failed errand is tried again."""


class Lane:
    """The lane of one broker. Every change at the broker goes through it, one at a time."""

    def __init__(self, account: Account, store: Store, snapshots: AccountSnapshots, sender: UUID) -> None:
        self.broker, self._account = account.broker, account
        self.orders = Orders(account, store, sender)
        self.agenda = Agenda()
        self.look_ups = LookUps(self.orders, self.agenda)
        self._legs = Legs(self.orders, self.look_ups)
        self._guard = Guard(self.orders, self._legs, self.agenda)
        self._sending = Sending(self.orders, self.look_ups, self._legs, self.agenda)
        self._changes = Changes(self.orders, self.look_ups)
        self._reconciler = Reconciler(self.orders, snapshots, self.look_ups, self.agenda)
        self._schedule = Schedule(account, self._reconciler)
        self.heard_at: float | None = None
        """The time at which the private stream last reported something (Unix time); None before it has."""
        self.streaming = False

    @property
    def doubts(self) -> int:
        """The number of orders in doubt."""
        return len(self.orders.doubts)

    @property
    def deaf(self) -> bool:
        """True when the private stream was found connected but not reporting events, and has reported nothing since."""
        return self._account.hearing.deaf

    @property
    def blind(self) -> list[str]:
        """The symbols whose price is watched in place of an order but has not been seen for too long."""
        return self._guard.blind()

    @property
    def watches(self) -> bool:
        """True while a price is watched in place of an order."""
        return bool(self._guard.watched())

    @property
    def reconciling(self) -> bool:
        """True while a reconciliation that the stream has caused runs in the background."""
        return self._schedule.under_way

    @property
    def idle(self) -> bool:
        """True while no look-up is under way and no reconciliation that the stream has caused."""
        return not self.look_ups and not self.reconciling

    @property
    def reconciled(self) -> asyncio.Event:
        """The event that is set once the first reconciliation has succeeded. Nothing is sent before."""
        return self._schedule.first_ended

    # --- called by the gateway ---------------------------------------------------------------------------------

    def resume(self, order: Order) -> None:
        """Take over an unfinished order from an earlier process.

        While it is in doubt, its symbol waits and sizing counts its worst cost.
        """
        if order.is_in_doubt:
            self.orders.doubts.begin(order)
        self.orders.know(order)
        self.orders.meet(order)
        self._legs.adopt(order)
        self._sending.remember(order)
        if order.requester == PROTECTION and order.cause is not None:
            # Its position may have ended, and then nothing else puts it on the agenda.
            self.agenda.put(Task.GUARD, order.cause)
        if order.status is not Status.OPEN or order.cancel_requested or order.amendment is not None:
            self.look_up(order.id)  # the first reconciliation covers resting orders, in one request

    def look_up(self, order_id: UUID) -> None:
        """Look up an unfinished order until its state is known."""
        self.look_ups.begin(order_id)

    def decided(self, order_id: UUID) -> None:
        """Look up an order at once after a person has ended its doubt, so that its symbol no longer waits."""
        self.look_ups.begin(order_id, at_once=True)

    async def work(self) -> None:
        """Reconcile until it has succeeded once, then carry out the errands of the agenda for ever."""
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
                # One order's trouble must not stop the others. A sent order is looked up, an unsent one is tried again
                # until it is stale. The look-up repeats a cancel. Guarding is repeated until the protection rests.
                self._account.log.warning("lane_failed", what=task, subject=str(subject), error=repr(error))
                if task is not Task.GUARD:
                    self.look_up(subject)
                if task in {Task.SEND, Task.GUARD}:
                    self.agenda.put(task, subject, after=WAIT_SECONDS)

    async def follow_stream(self) -> None:
        """Record the reports of the private stream, and reconnect with growing pauses when it ends.

        Every connection costs a full look, so one that stays up only for a moment does not reset the pause.
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
                # A report that cannot be recorded ends here too: a new connection begins with a full look.
                if self.streaming and self._account.clock() - stands_since >= STEADY:
                    pause = FIRST_PAUSE
                self._account.log.warning("stream_ended", broker=self.broker.number, error=repr(error), pause=pause)
            finally:
                self._account.hearing.end()
            lost = lost or self.streaming
            self.streaming = False
            self._schedule.begin(Occasion.FULL)  # queries may still work while the stream is down
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def look(self, order_id: UUID) -> OrderReport:
        """Return the exchange's report of an order, without recording it.

        Raises as `ExchangeClient.query`, and `Impossible` when the order is another broker's or its market is not
        listed.
        """
        order = await self.orders.load(order_id)
        market = self._account.markets.get(order.wish.symbol)
        if market is None or order.broker != self.broker.number:
            raise Impossible(f"{order.wish.symbol} is not listed", code="symbol_unknown")
        return await self._account.ask(order, market)

    async def balances(self) -> dict[str, Balance]:
        """Return the account's balances by currency. Raises as `ExchangeClient.balances`."""
        return await self._account.exchange.balances(self._account.credentials)

    async def reconcile(self, occasion: Occasion, *, dry: bool = False) -> Run | None:
        """Reconcile this broker's orders with its exchange; return None for a poll that is skipped."""
        return await self._schedule.once(occasion, dry=dry)

    async def hear(self, report: OrderReport) -> None:
        """Record one report of the private stream. An execution of a stranger is asked about by the next polls."""
        with self._account.hearing.listening(self.orders.order_of(report), report):
            known = await self.orders.hear(report)
        if known is None and report.filled:
            self._reconciler.suspect(report)

    @property
    def reconciled_at(self) -> datetime | None:
        """The end of the last reconciliation that the exchange answered whole (UTC); None before the first."""
        return self._schedule.completed_at

    def renew(self, broker: Broker, credentials: Credentials) -> None:
        """Use the changed broker and its new keys from the next errand on."""
        self.broker, self._account.broker, self._account.credentials = broker, broker, credentials
        self.streaming = False

    def halt(self) -> None:
        """Send no automatic order from now on, until `halt_is_recorded` leaves it to the log."""
        self._account.halted = True

    @property
    def is_halted(self) -> bool:
        """True while a halt holds that the log does not know yet."""
        return self._account.halted

    def halt_is_recorded(self) -> None:
        """Go by the log again, which knows the halt now."""
        self._account.halted = False

    def hear_prices(self, tickers: Mapping[str, Ticker]) -> None:
        """Take the newest prices of what is held, and guard the positions with a wanted order that does not rest."""
        self._account.told_prices.update(tickers)
        for position_id in self._guard.watched():
            self.agenda.put(Task.GUARD, position_id)

    def know_markets(self, markets: Mapping[str, Market]) -> None:
        """Replace the markets (by symbol) with the present ones, and guard every position that the guard has met.

        Refused forms stay remembered only for markets whose rules have not changed.
        """
        for symbol, before in self._account.markets.items():
            if markets.get(symbol) != before:
                self._guard.shapes.forget(symbol)
        self._account.markets.renew(markets.values())
        for position_id in self._guard.met():
            self.agenda.put(Task.GUARD, position_id)

    def close(self) -> None:
        """Cancel the look-ups and the reconciliation in the background."""
        self.look_ups.close()
        self._schedule.close()
