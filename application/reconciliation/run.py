"""Runs: the timings and findings of one reconciliation, logged line by line and recorded as one stream."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from application.orders.differences import Difference
from application.orders.orders import Orders
from application.ports.errors import ExchangeError
from application.ports.statements import OrderReport, Scrap
from domain.aggregate import Personal, carrying
from domain.amounts import ZERO, plain
from domain.orders.order import Order
from domain.reconciliation import QUIET, Discrepancy, Kind, Occasion, Phase, Reconciliation, Resolution, Statement

TEXTS = {
    Phase.FETCH: "Fetched {open} open orders from {exchange}",
    Phase.MATCH: "Matched {matched} orders with our records",
    Phase.EXTERNAL: "Found {external} external orders",
    Phase.RESTORE: "Restored {positions} open positions",
    Phase.AUDIT: "Noted {discrepancies} discrepancies",
}
"""The log line of each phase."""
TOO_SLOW = "too_slow"
"""The reason of a run whose questions the exchange did not answer in time."""
HICCUP = timedelta(seconds=5)
"""Time for which quiet reconciliations may fail before that is reported."""
NOTHING = Statement(Kind.NOTHING)
"""Our side of a discrepancy about an order that we have no record of."""


class Run:
    """One reconciliation in progress.

    All its questions to the exchange share `seconds`. `dry` writes to no stream.
    """

    def __init__(self, orders: Orders, occasion: Occasion, seconds: float, *, dry: bool) -> None:
        self.id = uuid4()
        self.occasion = occasion
        self.dry = dry
        self.phases: list[tuple[Phase, Decimal, dict[str, int]]] = []
        self.found: list[tuple[Discrepancy, Personal]] = []
        self.failure: str | None = None
        """The code of the reason why the run failed; `detail` puts it into words."""
        self.detail = ""
        self.recorded = False
        """True once the run is in the log."""
        self._left: set[Hashable] = set()
        self._account, self._orders = orders.account, orders
        self._clock = asyncio.get_running_loop().time
        self._began = self._reached = self._clock()
        self._asks_until = self._began + seconds
        self.started_at = self._account.clock()

    @property
    def seconds(self) -> Decimal:
        """Seconds since the run began."""
        return _rounded(self._clock() - self._began)

    def asking(self) -> asyncio.Timeout:
        """Return a timeout for a question to the exchange: the deadline that all questions share."""
        return asyncio.timeout_at(self._asks_until)

    @property
    def seconds_left(self) -> float:
        """Seconds left until the deadline that all questions share."""
        return self._asks_until - self._clock()

    @contextmanager
    def in_our_books(self) -> Iterator[None]:
        """Extend the deadline by the time spent in this block, which reads our own records, not the exchange."""
        began = self._clock()
        try:
            yield
        finally:
            self._asks_until += self._clock() - began

    def left_to_a_person(self, what: Hashable, *, first: bool) -> Resolution | None:
        """Return the resolution to note for a matter that only a person can settle, None to note nothing.

        It is noted as `DECIDE` the first time, then as `UNDECIDED` once in each run that a person requests.
        """
        noted = what in self._left
        self._left.add(what)
        if first:
            return Resolution.DECIDE
        return Resolution.UNDECIDED if self.occasion is Occasion.REQUEST and not noted else None

    def reach(self, phase: Phase, **counts: int) -> None:
        """End a phase; `counts` holds the number of things of each kind it met. Runs that are not quiet log it."""
        now = self._clock()
        seconds, self._reached = _rounded(now - self._reached), now
        self.phases.append((phase, seconds, counts))
        if self.occasion not in QUIET:
            exchange = self._account.broker.exchange.capitalize()
            title = "STARTUP" if self.occasion is Occasion.START else "RECONCILE"
            text = TEXTS[phase].format(exchange=exchange, **counts)
            line = f"[{title}] Phase {len(self.phases)}: {text} in {seconds}s"
            self._account.log.info(line, request_id=str(self.id), broker=self._account.broker.number)

    def note(
        self,
        order: Order | None,
        said: OrderReport | Scrap | None,
        resolution: Resolution,
        differences: Sequence[Difference] = (),
        ours: Statement | None = None,
    ) -> None:
        """Note that the two sides differ about an order, with what was done. `ours` defaults to the order's state."""
        found = Discrepancy(
            order=None if order is None else order.id,
            symbol=self._symbol(order, said),
            exchange_order_id=None if said is None else said.exchange_order_id,
            ours=ours or _ours(order),
            theirs=_theirs(said),
            resolution=resolution,
            facts=tuple(difference.fact for difference in differences),
        )
        self.found.append((found, Personal("") if said is None else said.raw))
        self._account.log.warning(
            "discrepancy", request_id=str(self.id), broker=self._account.broker.number, symbol=found.symbol,
            order=str(found.order), ours=str(found.ours), theirs=str(found.theirs), resolution=resolution,
        )  # fmt: skip

    def note_market(self, symbol: str, words: str, resolution: Resolution) -> None:
        """Note that the exchange refuses to list one market: the orders resting there are unknown."""
        refused = Statement(Kind.NOT_LISTED, {"said": words})
        self.found.append((Discrepancy(None, symbol, None, Statement(Kind.LISTED), refused, resolution), Personal("")))
        self._account.log.warning(
            "market_refused", request_id=str(self.id), broker=self._account.broker.number, symbol=symbol
        )

    def note_holding(self, currency: str, held: Decimal, there: Decimal, resolution: Resolution) -> None:
        """Note that the account holds less of a currency than its positions do; only its owner can say why."""
        ours, theirs = (
            Statement(Kind.HOLDING, {"amount": plain(amount), "currency": currency}) for amount in (held, there)
        )
        found = Discrepancy(None, currency, None, ours, theirs, resolution)
        self.found.append((found, Personal("")))
        self._account.log.warning(
            "holding_short",
            request_id=str(self.id),
            broker=self._account.broker.number,
            ours=str(ours),
            theirs=str(theirs),
        )

    def _symbol(self, order: Order | None, said: OrderReport | Scrap | None) -> str:
        if order is not None:
            return order.wish.symbol
        native = "" if said is None else said.native_symbol
        market = self._account.markets.named(native)
        return native if market is None else market.symbol

    async def complete(self) -> None:
        """Complete a run that compared everything. A quiet run that found nothing is not recorded."""
        self.reach(Phase.AUDIT, discrepancies=len(self.found))
        if self.occasion not in QUIET or self.found:
            await self._record()

    async def fail(self, error: ExchangeError | TimeoutError, *, tell: bool) -> None:
        """Fail a run that the exchange did not answer to the end.

        What was found until then is recorded in any case, a failure without findings only to `tell` it.
        """
        self.failure, self.detail = getattr(error, "code", TOO_SLOW), str(error)
        self._account.log.warning(
            "reconciliation_failed",
            request_id=str(self.id),
            broker=self._account.broker.number,
            reason=self.failure,
            detail=self.detail,
        )
        if tell or self.found:
            await self._record()

    async def _record(self) -> None:
        """Record the run in one commit, unless it is dry."""
        if self.dry:
            return
        broker, run_id = self._account.broker, str(self.id)
        with carrying(user=str(broker.user), source="reconciliation", correlation_id=run_id):
            stream = Reconciliation(self.id, broker.user, broker.number, self.occasion, self.started_at)
            for discrepancy, raw in self.found:
                stream.find(discrepancy, raw)
            for phase, seconds, counts in self.phases:
                stream.complete_phase(phase, seconds, counts)
            if self.failure is None:
                stream.complete(self.seconds)
            else:
                stream.fail(self.failure, self.seconds, self.detail)
            await asyncio.to_thread(self._orders.store.save, stream)
        self.recorded = True

    def told(self) -> dict[str, Any]:
        """Return the run as plain data, for the caller that asked for it."""
        return {
            "run": str(self.id),
            "broker": self._account.broker.number,
            "occasion": self.occasion,
            "dry_run": self.dry,
            "completed": self.failure is None,
            "failure": self.failure,
            "detail": self.detail,
            "seconds": plain(self.seconds),
            "phases": [
                {"phase": phase, "seconds": plain(seconds), "counts": counts} for phase, seconds, counts in self.phases
            ],
            "doubts": [
                {"order": str(order), "symbol": doubt.symbol, "since": doubt.since and doubt.since.isoformat()}
                for order, doubt in self._orders.doubts.items()
            ],
            "discrepancies": [{**asdict(found), "order": found.order and str(found.order)} for found, _ in self.found],
        }


class Outage:
    """A series of failed reconciliations of one broker.

    It is reported once, and again to each person who asks.
    """

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._told = False

    async def meet(self, run: Run, error: ExchangeError | TimeoutError) -> None:
        """Take a failed run into the outage. Quiet runs that have failed for less than `HICCUP` are not reported."""
        since = self._since or run.started_at
        hiccup = run.occasion in QUIET and run.started_at - since < HICCUP
        await run.fail(error, tell=run.occasion is Occasion.REQUEST or not (self._told or hiccup))
        if not run.dry:
            self._since, self._told = since, self._told or run.recorded

    def end(self, run: Run) -> None:
        """End the outage after a completed run. A poll does not end it, as it may have asked nothing."""
        if run.occasion is not Occasion.POLL and not run.dry:
            self._since, self._told = None, False


def _ours(order: Order | None) -> Statement:
    if order is None:
        return NOTHING
    return _of_order(order.status, order.filled, order.quantity or order.cost or ZERO)


def _theirs(said: OrderReport | Scrap | None) -> Statement:
    if said is None:
        return Statement(Kind.NOT_FOUND)
    if isinstance(said, Scrap):
        return Statement(Kind.UNREADABLE)
    return _of_order(said.native_status, said.filled, said.quantity)


def _of_order(status: str, filled: Decimal, size: Decimal) -> Statement:
    return Statement(Kind.ORDER, {"status": status, "filled": plain(filled), "size": plain(size)})


def _rounded(seconds: float) -> Decimal:
    return Decimal(f"{seconds:.3f}")
