"""The reconciler: compares the orders of one broker with its exchange's reports and records the differences.

A failed query is no information; it never means "gone". A report that contradicts an end we recorded or shows a change
we did not make, and any order that is not ours, is believed only when the exchange repeats it some seconds later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from application.orders.agenda import Agenda, Task
from application.orders.differences import Difference, differences
from application.orders.lookups import LookUps
from application.orders.orders import Orders, Taken
from application.ports.errors import ExchangeError, OrderNotFound, Unreadable
from application.ports.statements import ExchangeId, OrderReport, Scrap
from application.ports.stores import AccountSnapshots
from application.reconciliation.holdings import Holdings
from application.reconciliation.listings import Listings, ask_each
from application.reconciliation.memory import Memory, Suspicion, key_of
from application.reconciliation.run import NOTHING, Outage, Run
from application.reconciliation.strangers import adopt
from domain.market import Market
from domain.orders.external import HISTORY_LOST
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.reconciliation import QUIET, Occasion, Phase, Resolution
from domain.refusals import Refused
from domain.trading.position import Position

TIMEOUT_SECONDS = 30.0
"""Seconds the exchange has to answer all questions of one reconciliation."""
ON_ITS_WAY = timedelta(seconds=10)
"""Time after a request's validity within which its answer may still arrive."""
MISSING = timedelta(seconds=60)
"""Time an accepted order may be missing at the exchange before a person is told."""
MOST_SUSPECTED = 20
"""Strangers of the private stream that may wait for their second look: each costs one query."""


class Reconciler:
    """The reconciler of one broker. It runs in the gateway, next to the broker's keys, private stream and look-ups."""

    def __init__(self, orders: Orders, snapshots: AccountSnapshots, look_ups: LookUps, agenda: Agenda) -> None:
        self._account, self._orders = orders.account, orders
        self._look_ups = look_ups
        self._agenda = agenda
        self._listings = Listings(orders.account, snapshots)
        self._holdings = Holdings(orders.account)
        self._one_at_a_time = asyncio.Lock()
        self._memory = Memory()
        self._outage = Outage()
        self._takings: set[asyncio.Task[Taken]] = set()
        """Reports being recorded, including those whose run has ended without waiting for them."""

    @property
    def under_way(self) -> bool:
        """True while a reconciliation is under way."""
        return self._one_at_a_time.locked()

    async def run(self, occasion: Occasion, *, dry: bool = False) -> Run:
        """Reconcile once and return the run with its findings.

        A poll covers only symbols with live orders, every other occasion the whole account. `dry` records nothing.
        When the exchange fails to answer every question, the run is reported as failed; that error is never raised.
        """
        async with self._one_at_a_time:
            run = Run(self._orders, occasion, TIMEOUT_SECONDS, dry=dry)
            before = self._memory.copy()
            try:
                await self._reconcile(run)
            except (ExchangeError, TimeoutError) as error:
                await self._outage.meet(run, error)
            else:
                await run.complete()
                self._outage.end(run)
            finally:
                if dry:
                    self._memory = before
                    self._listings.forget()
            return run

    async def _reconcile(self, run: Run) -> None:
        await self._second_looks(run)
        before, held = self._live(), await self._positions(run.occasion)
        async with run.asking():
            symbols = {order.wish.symbol for order in before.values()}
            listed, ended = await self._listings.of(run.occasion, symbols, {position.symbol for position in held})
        reports = [*listed.reports, *ended.reports]
        for symbol, words in {**listed.refused, **ended.refused}.items():
            if (left := run.left_to_a_person(symbol, first=self._memory.tell_market(symbol))) is not None:
                run.note_market(symbol, words, left)
        run.reach(Phase.FETCH, open=len(listed.reports), ended=len(ended.reports))
        for scrap in (*listed.scraps, *ended.scraps):
            order_id = await self._find_order(scrap)  # not matched below: an order of ours is queried by name
            self._leave_to_person(run, None if order_id is None else await self._orders.load(order_id), scrap)
        strangers = await self._match(run, before, reports)
        run.reach(Phase.MATCH, matched=len(reports) - len(strangers), ours=len(before))
        for report in strangers:
            await self._meet_stranger(run, report)
        run.reach(Phase.EXTERNAL, external=len(strangers))
        if run.occasion is not Occasion.POLL:
            self._holdings.compare(run, held, self._listings.balances)
        run.reach(Phase.RESTORE, positions=len(held))
        if run.occasion is not Occasion.POLL and not run.dry:
            await self._listings.keep_snapshot(settled=not self._memory.suspicions)

    def suspect(self, report: OrderReport) -> None:
        """Take a report of the private stream about an order that is not ours as the first of its two looks.

        Do nothing when its market is unknown, or when many are suspected already: the next full look finds the others.
        """
        if (
            self._account.markets.named(report.native_symbol) is not None
            and len(self._memory.suspicions) < MOST_SUSPECTED
        ):
            self._memory.suspicions.begin(report, self._account.clock(), None)

    @property
    def has_live_orders(self) -> bool:
        """True while orders are live, so that a poll has something to ask."""
        return bool(self._live())

    def _live(self) -> dict[UUID, Order]:
        """Return the orders the exchange can know by now, so that one sent later does not count as missing."""
        known = self._orders.live.items()
        return {order_id: order for order_id, order in known if order.status is not Status.PLACED}

    async def _positions(self, occasion: Occasion) -> list[Position]:
        """Return the broker's open positions, whose protection is driven once sending begins.

        A poll does not load them.
        """
        if occasion is Occasion.POLL:
            return []
        store = self._orders.store
        found = await asyncio.to_thread(lambda: store.get_all(Position, store.positions_open()))
        return [position for position in found if position.broker == self._account.broker.number]

    # --- matching ----------------------------------------------------------------------------------------------

    async def _match(self, run: Run, before: dict[UUID, Order], reports: Sequence[OrderReport]) -> list[OrderReport]:
        """Take the reports about our orders, query our orders that no report shows, and return strangers' reports."""
        strangers, met = list[OrderReport](), set[UUID]()
        with run.in_our_books():
            named = [(await self._find_order(report), report) for report in reports]
        for order_id, report in named:
            if order_id is None:
                strangers.append(report)
            elif order_id not in met:
                met.add(order_id)
                order = before.get(order_id) or await self._orders.load(order_id)
                self._memory.shown(order)
                await self._take_report(run, order, report)
        await self._ask_about(run, [order for order_id, order in before.items() if order_id not in met])
        return strangers

    async def _ask_about(self, run: Run, absent: Sequence[Order]) -> None:
        """Query our orders that no list shows, and look up orders with unknown executions."""
        if run.occasion is Occasion.POLL:
            absent = [order for order in absent if order.wish.symbol in self._account.markets]

        async def ask(order: Order) -> None:
            if run.seconds_left <= 0:
                raise TimeoutError("there was no time to ask about every order")
            await self._query_missing(run, order)

        await ask_each(absent, ask)
        for order_id in [] if run.dry else self._orders.unexplained:
            if order_id not in self._look_ups:
                self._look_ups.begin(order_id)  # repeats until its executions are listed

    async def _find_order(self, said: OrderReport | Scrap) -> UUID | None:
        account = self._account
        if (order_id := self._orders.order_of(said)) is not None:
            return order_id
        named = await asyncio.to_thread(self._orders.store.order_named, account.broker.number, said.client_order_id)
        market = self._account.markets.named(said.native_symbol)
        if named is None and market is not None:
            # An adopted order, or one of ours whose client id was changed outside the platform.
            ids = account.broker.number, market.symbol, said.exchange_order_id
            named = await asyncio.to_thread(self._orders.store.order_numbered, *ids)
        if named is not None:
            self._orders.know(await self._orders.load(named))
        return named

    def _leave_to_person(self, run: Run, order: Order | None, said: OrderReport | Scrap | None) -> None:
        """Leave to a person what cannot be recorded."""
        left = run.left_to_a_person(key_of(order, said), first=self._memory.tell(order, said))
        if left is not None:
            run.note(order, said, left)

    async def _take_report(
        self, run: Run, order: Order, report: OrderReport, agreed: Sequence[Difference] = ()
    ) -> None:
        """Record one report about one of our orders; a report that cannot be recorded does not stop the others."""
        try:
            await self._record(run, order, report, agreed)
        except Refused as refused:
            self._account.log.warning("not_recordable", order=str(order.id), error=str(refused))
            self._leave_to_person(run, order, report)
        except Unreadable as unreadable:
            self._account.log.warning("not_readable", order=str(order.id), error=str(unreadable))
            self._look_up_again(run, order, report)
        else:
            self._memory.unread.discard(order.id)

    def _look_up_again(self, run: Run, order: Order, report: OrderReport) -> None:
        """Look up an order whose executions cannot be read until they can be.

        When they still cannot be read the next time, leave the order to a person.
        """
        if order.id in self._memory.unread:
            self._leave_to_person(run, order, report)
            return
        self._memory.unread.add(order.id)
        if not run.dry:
            self._look_ups.begin(order.id)
        run.note(order, report, Resolution.LOOKED_UP)

    async def _record(self, run: Run, order: Order, report: OrderReport, agreed: Sequence[Difference]) -> None:
        market = self._account.markets.get(order.wish.symbol)
        if market is None:
            return
        found = differences(order, report, market.native)
        believed, doubted = found.believed(agreed), found.doubted(agreed)
        if doubted:
            first = self._memory.suspicions.begin(report, self._account.clock(), order.id, doubted)
            if not believed and self._memory.was_told(report):
                self._leave_to_person(run, order, report)  # a person knows of it already
                return
            if first and not believed:
                run.note(order, report, Resolution.AWAITED, doubted)
                return
        known = order
        if believed and not run.dry:
            order, believed = await self._record_shielded(run, order.id, report, agreed)
        if believed:  # otherwise recorded by other means meanwhile
            decide = any(difference.event == "Contradicted" for difference in believed)
            run.note(known, report, Resolution.DECIDE if decide else Resolution.RECORDED, believed)
        if order.cancel_requested and order.status is Status.OPEN and not run.dry:
            self._agenda.put(Task.CANCEL, order.id)

    async def _record_shielded(
        self, run: Run, order_id: UUID, report: OrderReport, agreed: Sequence[Difference] = ()
    ) -> Taken:
        """Record a report in a task that a timeout does not cancel.

        It may first ask the exchange for executions, but an append cannot be undone half-way. Raises `TimeoutError`
        when the run's time is up; the task then finishes by itself.
        """
        taking = asyncio.create_task(self._orders.take(order_id, report, agreed))
        self._takings.add(taking)
        taking.add_done_callback(self._takings.discard)
        async with run.asking():
            return await asyncio.shield(taking)

    async def _query_missing(self, run: Run, order: Order) -> None:
        """Query by name an order of ours that is not among the open ones; the answer decides."""
        account, market = self._account, self._account.markets.get(order.wish.symbol)
        if market is None and order.status is Status.OPEN:
            self._leave_to_person(run, order, None)  # it can be neither queried nor cancelled
            return
        if order.is_in_doubt or market is None:
            # An order sent a moment ago is about to be answered; one in doubt may be looked up already.
            on_its_way = order.valid_until is not None and account.clock() < order.valid_until + ON_ITS_WAY
            if not run.dry and not (on_its_way and order.status is Status.SUBMITTED) and order.id not in self._look_ups:
                self._look_ups.begin(order.id)
            return
        try:
            async with run.asking():
                report = await account.ask(order, market)
        except (ExchangeError, TimeoutError) as error:
            first = order.id not in self._look_ups
            if not run.dry:
                self._look_ups.begin(order.id)  # repeats until there is an answer
            if isinstance(error, OrderNotFound):
                self._note_missing(run, order, first=first)
            return
        self._memory.shown(order)
        await self._take_report(run, order, report)

    def _note_missing(self, run: Run, order: Order, *, first: bool) -> None:
        """Note an accepted order that the exchange no longer shows.

        Leave it to a person when that lasts: if the order was a stop, its position is without one.
        """
        if self._memory.missing_for(order, self._account.clock()) >= MISSING:
            self._leave_to_person(run, order, None)
        elif first or run.occasion not in QUIET:
            run.note(order, None, Resolution.LOOKED_UP)

    # --- reports not believed at once --------------------------------------------------------------------------

    async def _second_looks(self, run: Run) -> None:
        """Query each suspicion that is due; what the exchange does not repeat was never true, and is dropped."""
        for key, suspicion in self._memory.suspicions.due(self._account.clock()):
            if run.dry or run.seconds_left < TIMEOUT_SECONDS / 2:
                return  # there may be more than one run can query, and the lists need time too
            market = self._account.markets.named(key[0])
            if market is None:
                continue
            try:
                async with run.asking():
                    report = await self._account.exchange.query(self._account.credentials, market, ExchangeId(key[1]))
            except OrderNotFound:
                del self._memory.suspicions[key]
                continue
            except Unreadable:
                continue
            del self._memory.suspicions[key]
            try:
                await self._confirm(run, suspicion, market, report)
            except (ExchangeError, TimeoutError):
                self._memory.suspicions[key] = suspicion  # not completely recorded: query it again
                raise

    async def _confirm(self, run: Run, suspicion: Suspicion, market: Market, report: OrderReport) -> None:
        if suspicion.order_id is not None:
            order = await self._orders.load(suspicion.order_id)
            await self._take_report(run, order, report, suspicion.doubted)
        elif await self._find_order(report) is None:
            try:
                await self._adopt(run, market, report)
            except Refused as refused:
                self._account.log.warning(
                    "not_adoptable", exchange_order_id=report.exchange_order_id, error=str(refused)
                )
                self._leave_to_person(run, None, report)

    async def _meet_stranger(self, run: Run, report: OrderReport) -> None:
        if self._account.markets.named(report.native_symbol) is None or self._memory.was_told(report):
            self._leave_to_person(run, None, report)
            return
        if self._memory.suspicions.begin(report, self._account.clock(), None) or run.occasion not in QUIET:
            run.note(None, report, Resolution.AWAITED)

    async def _adopt(self, run: Run, market: Market, report: OrderReport) -> None:
        """Adopt an order made elsewhere and seen twice; no strategy ever manages it."""
        order = await adopt(self._orders, market, report, run.id)
        lost = order.requester == HISTORY_LOST
        run.note(order, report, Resolution.HISTORY_LOST if lost else Resolution.ADOPTED, ours=NOTHING)
        try:
            await self._record_shielded(run, order.id, report)
        except Unreadable:
            self._look_ups.begin(order.id)
