"""A position: what one owner holds in one market, its cost, and its wanted protection.

Quantities are in the base currency, prices and costs in the quote currency. A stream holds one trade: it begins with
the first buy and ends when what is held is too small to be sold. The dust left then, and the buys that still rest,
pass to the stream of the next trade. Streams from before that rule hold several trades, one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from domain.aggregate import Aggregate, deterministic_id, event
from domain.amounts import ZERO, difference, product, total
from domain.cover import Cover
from domain.execution import Execution, check, fee_in_coins, remaining_of
from domain.level import CARRIED_OUT, TELLING_BY_AGE, Level, level_of
from domain.refusals import Impossible
from domain.wish import HUNDRED_PERCENT, Protection


@dataclass(frozen=True)
class Entry:
    """A buy that outlives its trade.

    `protection` is the one that its next fill brings, `brought` the one that it brought at first.
    """

    order_id: UUID
    protection: Protection | None
    brought: Protection | None


@dataclass(frozen=True)
class Asked:
    """A request for a protection that a later one overtook before it was answered."""

    request: UUID
    protection: Protection | None
    """The protection it asked for; None once a buy has brought its own prices, so that it cannot be wanted again."""
    cover: Cover


class Position(Aggregate):
    """The holdings of one owner (webhooks, manual trading, one deployment) in one symbol at one broker."""

    @event("Opened")
    def __init__(
        self,
        user: int,
        broker: int,
        symbol: str,
        owner: str,
        previous: UUID | None = None,
        dust: Decimal | None = None,
        dust_cost: Decimal | None = None,
        entries: list[Entry] | None = None,
        executions: list[str] | None = None,
    ) -> None:
        self.user = user
        self.broker = broker
        self.symbol = symbol
        self.owner = owner
        self.previous = previous
        """The stream of the previous trade, None for the first."""
        self.held = dust or ZERO
        self.bought_quantity = dust or ZERO
        self.bought_cost = dust_cost or ZERO
        self.sold_quantity = ZERO
        self.sold_cost = ZERO
        self.fees: dict[str, Decimal] = {}
        self.fees_valued = ZERO
        """The value of its fees in third currencies (quote), as far as it is known."""
        self.fees_left_out = False
        """True when the value of some of those fees is not known."""
        self.executions = set(executions or ())
        self.entries = {entry.order_id: entry.protection for entry in entries or ()}
        """The wanted buys, each with the protection that its next fill brings."""
        self.brought = {entry.order_id: entry.brought for entry in entries or () if entry.brought is not None}
        """The protection that each buy brought at first, and brings to the next trade too if it outlives its own."""
        self.exits: list[UUID] = []
        self.is_open = False
        self.opened_at: datetime | None = None
        self.wanted: Protection | None = None
        self.cover = Cover()
        self.settled: Protection | None = None
        """The protection that was wanted when no request was pending."""
        self.settled_cover = Cover()
        """The cover of `settled`, adjusted for the buys and sales since."""
        self.overtaken: list[Asked] = []
        """The unanswered requests that the current one has overtaken, oldest first."""
        self.in_force: Protection | None = None
        """The protection that rested last; None once it is known to be lost."""
        self.request: UUID | None = None
        self.answered: UUID | None = None
        self.resting: list[UUID] = []
        self.protected = ZERO
        self.weighed = ZERO
        """The quantity that was to be covered (base) when the resting orders were placed, less what they have sold."""
        self.lost: str | None = None
        self.target_watched = False

    @staticmethod
    def create_id(user: int, broker: int, symbol: str, owner: str, previous: UUID | None = None) -> UUID:
        """Return the id of an owner's first stream in a market, or of the one after `previous`, always the same."""
        if previous is not None:
            return uuid5(previous, "next")
        return deterministic_id("position", user, broker, symbol, owner)

    @property
    def average_entry(self) -> Decimal:
        """The quantity-weighted average price of all buys of the running trade; zero before the first."""
        return self.bought_cost / self.bought_quantity if self.bought_quantity else ZERO

    @property
    def covered(self) -> Decimal:
        """The part of what is held (base) that is to be under a stop."""
        return self.cover.quantity

    @property
    def level(self) -> Level:
        """The level of its protection now."""
        if self.is_open and self.lost == CARRIED_OUT:
            return Level.NO_STOP
        if not self.is_open or self.wanted is None:
            return Level.NONE
        return level_of(
            stopped=self.wanted.stop_loss is not None,
            lost=self.lost,
            rests=bool(self.protected) or self.target_watched,
            moving=self.wanted != self.in_force or self.is_asked,
            share=self.cover.share,
            bare=self.bare,
        )

    @property
    def bare(self) -> Decimal:
        """The quantity to be covered (base) that was bought or lost its stop since the resting orders were placed."""
        return max(difference(self.covered, self.weighed), ZERO)

    @property
    def tells_by_age(self) -> bool:
        """True when only the age of its level can show that something is wrong."""
        return self.level in TELLING_BY_AGE or (self.level is Level.PARTLY_COVERED and bool(self.bare))

    @property
    def is_asked(self) -> bool:
        """True while a request for a protection is pending: it has not been answered yet."""
        return self.request != self.answered

    @property
    def wanted_before(self) -> Protection | None:
        """The protection that is wanted again when the pending request is refused.

        It is the one of the request that the pending one overtook, or else the settled one.
        """
        return self._former[0]

    @property
    def _former(self) -> tuple[Protection | None, Cover, UUID | None]:
        """The protection `wanted_before`, its cover, and the overtaken request that then awaits its answer again.

        The request is None when the protection is the settled one.
        """
        last = self.overtaken[-1] if self.overtaken else None
        if last is None or last.protection is None:
            return self.settled, self.settled_cover, None
        return last.protection, last.cover, last.request

    @property
    def has_just_closed(self) -> bool:
        """True when an event since it was loaded has completed its trade."""
        return any(isinstance(said, Position.Closed) for said in self.pending_events) and not self.is_open  # type: ignore[attr-defined]

    # --- wanted orders and protection --------------------------------------------------------------------------

    def enter(self, order_id: UUID, protection: Protection | None) -> None:
        """Record that a buy is to be sent. The protection that it brings counts from its first fill on."""
        if order_id not in self.entries:
            self._entry_wanted(order_id, protection)

    def leave(self, order_id: UUID) -> None:
        """Record that a sell is to be sent. The coins that are locked under protection are freed for it."""
        if order_id not in self.exits:
            self._exit_wanted(order_id)

    def want(self, protection: Protection, share: Decimal, request: UUID, *, awaited: Sequence[UUID]) -> None:
        """Move the protection to new prices, for a `share` (percent) of what is held.

        An absent price stays as it is wanted now or, while nothing is wanted, as the newest awaited buy brings it.
        `request` is the webhook or form that asks, and counts once; `awaited` names the buys that are on their way.
        Raises `Invalid` when the prices cross, `Impossible` when there is nothing to protect.
        """
        if request in {self.request, *(one.request for one in self.overtaken)}:
            return
        if not self.is_open and not awaited:
            raise Impossible(f"there is no position in {self.symbol}", code="no_position")
        brought = (self.entries.get(order_id) for order_id in reversed(awaited))
        merged = _merged(protection, self.wanted or next((p for p in brought if p is not None), None))
        merged.check()
        self._want(protection, merged, share, request, None)

    def _want(
        self, asked: Protection, merged: Protection, share: Decimal, request: UUID | None, before: Protection | None
    ) -> None:
        cover = self.cover.asked(asked, merged, share, self.held)
        self._protection_wanted(
            merged, cover.share, request, cover.quantity, cover.target_share, cover.target_quantity, before
        )  # fmt: skip

    @property
    def is_left_over(self) -> bool:
        """True when a protection is wanted for buys that are not filled. It counts only while one is on its way."""
        return not self.is_open and self.wanted is not None

    def abandon(self) -> None:
        """Drop a protection that was wanted for buys, once none is on its way: it must not apply to the next buy."""
        if self.is_left_over:
            self._protection_refused(
                "entry_ended", self.request, None, HUNDRED_PERCENT, ZERO, None, None, None, None, self._others
            )

    # --- executions --------------------------------------------------------------------------------------------

    def grow(self, bought: Execution) -> None:
        """Record an executed buy, counted once. A fee in the base currency is deducted from what is held.

        Raises `Invalid` when an amount is not valid.
        """
        if bought.key in self.executions:
            return
        check(bought)
        brings = self.entries.get(bought.order_id)
        if brings is None and self.wanted is None:
            # The trade that this order began is complete, or its stop was carried out, and the order still buys.
            brings = self.brought.get(bought.order_id)
        self._grew(bought, difference(bought.quantity, fee_in_coins(bought, self.symbol)))
        if brings is not None:
            before = _merged(brings, self.settled) if self.is_asked else None
            self._want(brings, _merged(brings, self.wanted), HUNDRED_PERCENT, None, before)

    def reduce(
        self, sold: Execution, smallest: Decimal, *, by_protection: bool = False, by_target: bool = False
    ) -> None:
        """Record an executed sell, counted once. Ignore what it sold beyond what is held here: it was not bought here.

        A fee in the base currency (BNB, for a sale of BNB) takes more coins than were sold.

        A remainder below `smallest` (base) cannot be sold: the trade is complete, and the remainder is dust of the
        next trade. An order may still sell that dust, with the last of its own executions; this counts in the next
        trade. When a stop or a target (`by_target`) was carried out (`by_protection`), it covers that much less. Any
        other sell keeps the share, and so does the cover of a pending request. Raises `Invalid` when an amount is not
        valid.
        """
        if sold.key in self.executions:
            return
        check(sold)
        if not self.held:
            self._disregarded(sold)
            return
        quantity = min(sold.quantity, self.held)
        left = remaining_of(self.held, quantity, sold, self.symbol)
        gone = difference(self.held, left)
        cover, before = (one.sold(self.held, left) for one in (self.cover, self.settled_cover))
        if by_protection:
            # The protection of a pending request does not rest yet: it was the settled one that sold.
            before = self.settled_cover.carried_out(gone, smallest, by_target=by_target)
            cover = cover if self.is_asked else self.cover.carried_out(gone, smallest, by_target=by_target)
        profit = _profit(sold.price, self.average_entry, quantity)
        self._reduced(
            sold, quantity, self.average_entry, profit, cover.quantity, cover.target_quantity, cover.target_share,
            before.quantity, before.target_quantity, before.target_share, by_protection or None,
        )  # fmt: skip
        if self.is_open and (self.held < smallest or not self.held):
            self._complete(sold.executed_at)

    def _complete(self, at: datetime) -> None:
        average_exit = self.sold_cost / self.sold_quantity
        dust_cost = product(self.held, self.average_entry)
        gross = _profit(average_exit, self.average_entry, self.sold_quantity)
        quote = self.symbol.partition("/")[2]
        # Fees in the base currency are coins that were bought and never sold: the difference includes them already.
        fees = total((self.fees.get(quote, ZERO), self.fees_valued))
        spent = total((self.bought_cost, fees, dust_cost.copy_negate()))
        self._closed(
            self.broker, self.symbol, self.owner, self.opened_at, at, self.sold_quantity, self.average_entry,
            average_exit, gross, difference(self.sold_cost, spent), self.fees, dust_cost, self.request,
            self.fees_left_out, self._others,
        )  # fmt: skip

    def next(self, alive: Collection[UUID]) -> Position:
        """Return the stream of the next trade, with the dust of this one and the buys that are still `alive`."""
        entries = [Entry(one, self.entries[one], self.brought.get(one)) for one in self.entries if one in alive]
        names = {order_id.hex for order_id in alive}
        known = sorted(key for key in self.executions if key.partition(":")[0] in names)
        return Position(
            self.user, self.broker, self.symbol, self.owner, previous=self.id, dust=self.held,
            dust_cost=self.bought_cost, entries=entries, executions=known,
        )  # fmt: skip

    # --- the protection on the exchange ------------------------------------------------------------------------

    def rest(
        self, orders: list[UUID], quantity: Decimal, *, watched: bool = False, covering: Decimal | None = None
    ) -> None:
        """Record that the wanted protection rests: these orders, for this quantity (base).

        Do nothing once the trade has ended. `watched` means that the take-profit found no place beside the stop, and
        is sold when its price is offered. `covering` is the quantity that was to be covered (base) when this was
        established: coins bought since are not under these orders.
        """
        now = (orders, quantity, self.request, watched)
        weighed = self.covered if covering is None else min(covering, self.covered)
        known = now == (self.resting, self.protected, self.answered, self.target_watched)
        if self.is_open and not (known and weighed <= self.weighed):
            self._protection_resting(orders, quantity, self.request, watched or None, weighed, self._others)

    def take_off(self, left: list[UUID], quantity: Decimal) -> None:
        """Record that only the orders in `left` still rest, for this quantity, and nothing has replaced the others."""
        if self.is_open and self.lost is None and self.resting and (left, quantity) != (self.resting, self.protected):
            self._protection_taken_off(left, quantity)

    def lose_protection(self, reason: str, detail: str = "", *, final: bool = False) -> None:
        """Record that something that should be protected is not. `detail` names the rule and the numbers.

        `final` also answers the pending request: its protection is no longer on its way.
        """
        asked = final and self.is_asked
        if self.is_open and (self.resting or self.lost != reason or asked):
            others = self._others if asked else None
            self._protection_lost(reason, detail or None, self.request if asked else None, others)

    def refuse_protection(self, reason: str, detail: str = "") -> None:
        """Record that the requested protection cannot be placed, and want the former one again.

        The reason is the wrong side of the market or a rule. The former protection is that of an earlier unanswered
        request, or else the settled one. Whether it rests is a separate question: it is placed like every wanted
        protection.
        """
        if self.is_asked:
            kept, cover, again = self._former
            cover = cover.within(self.held)
            self._protection_refused(
                reason, self.request, kept, cover.share, cover.quantity, detail or None, cover.target_share,
                cover.target_quantity, again, self._others if again is None else None,
            )  # fmt: skip

    @property
    def _others(self) -> list[UUID] | None:
        """The overtaken requests, answered together with the one that overtook them; None when there are none."""
        return [one.request for one in self.overtaken] or None

    # --- events ------------------------------------------------------------------------------------------------

    @event("EntryWanted")
    def _entry_wanted(self, order_id: UUID, protection: Protection | None) -> None:
        self.entries[order_id] = protection
        if protection is not None:
            self.brought[order_id] = protection

    @event("ExitWanted")
    def _exit_wanted(self, order_id: UUID) -> None:
        self.exits.append(order_id)

    @event("ProtectionWanted")
    def _protection_wanted(
        self,
        protection: Protection,
        share: Decimal,
        request: UUID | None,
        covered: Decimal | None,
        target_share: Decimal | None,
        target_covered: Decimal | None,
        before: Protection | None,
    ) -> None:
        if not self.is_asked:
            self.settled, self.settled_cover = self.wanted, self.cover
        elif request is not None and self.request is not None:
            self.overtaken = [*self.overtaken, Asked(self.request, self.wanted, self.cover)]
        quantity = product(self.held, share) / HUNDRED_PERCENT if covered is None else covered
        self.wanted, self.cover = protection, Cover.of(share, quantity, target_share, target_covered)
        if before is not None:
            # The protection that an entry brings stays even when the move that is pending now is refused.
            self.settled, self.settled_cover = before, self.cover
            self.overtaken = [replace(one, protection=None) for one in self.overtaken]
        if self.lost == CARRIED_OUT:
            self.lost = None
        if request is not None:
            # This request outweighs what an earlier entry brings with its first fill.
            self.request, self.entries = request, dict.fromkeys(self.entries)

    @event("Grew")
    def _grew(self, execution: Execution, received: Decimal) -> None:
        if self.lost == CARRIED_OUT:
            # A protection that was carried out does not apply to what is bought afterwards.
            self.cover, self.lost = Cover(), None
        self.is_open, self.opened_at = True, self.opened_at or execution.executed_at
        self.executions.add(execution.key)
        self.entries = {**self.entries, execution.order_id: None}
        self.held = total((self.held, received))
        self.cover, self.settled_cover = self.cover.grown(received), self.settled_cover.grown(received)
        self.overtaken = [replace(one, cover=one.cover.grown(received)) for one in self.overtaken]
        self.bought_quantity = total((self.bought_quantity, execution.quantity))
        self.bought_cost = total((self.bought_cost, product(execution.quantity, execution.price)))
        self._pay(execution)

    @event("Reduced")
    def _reduced(
        self,
        execution: Execution,
        quantity: Decimal,
        average_entry: Decimal,
        profit: Decimal,
        covered: Decimal,
        target_covered: Decimal | None,
        target_share: Decimal | None,
        covered_before: Decimal | None,
        target_covered_before: Decimal | None,
        target_share_before: Decimal | None,
        by_protection: bool | None,
    ) -> None:
        self.executions.add(execution.key)
        held, self.held = self.held, remaining_of(self.held, quantity, execution, self.symbol)
        if by_protection:
            self.weighed = max(difference(self.weighed, difference(held, self.held)), ZERO)
        self.overtaken = [replace(one, cover=one.cover.sold(held, self.held)) for one in self.overtaken]
        self.cover = self.cover.reduced(covered, target_covered, target_share)
        self.wanted, self.in_force = self.cover.left_of(self.wanted), self.cover.left_of(self.in_force)
        if covered_before is not None:
            self.settled_cover = self.settled_cover.reduced(covered_before, target_covered_before, target_share_before)
            self.settled = self.settled_cover.left_of(self.settled)
        self.sold_quantity = total((self.sold_quantity, quantity))
        self.sold_cost = total((self.sold_cost, product(quantity, execution.price)))
        self._pay(execution)

    @event("Disregarded")
    def _disregarded(self, execution: Execution) -> None:
        self.executions.add(execution.key)

    def _pay(self, execution: Execution) -> None:
        if execution.fee and execution.fee_currency:
            paid = self.fees.get(execution.fee_currency, ZERO)
            self.fees = {**self.fees, execution.fee_currency: total((paid, execution.fee))}
            if execution.fee_currency not in self.symbol.split("/"):
                self.fees_valued = total((self.fees_valued, execution.fee_value or ZERO))
                self.fees_left_out = self.fees_left_out or execution.fee_value is None

    @event("Closed")
    def _closed(
        self,
        broker: int,
        symbol: str,
        owner: str,
        opened_at: datetime | None,
        closed_at: datetime,
        quantity: Decimal,
        average_entry: Decimal,
        average_exit: Decimal,
        gross: Decimal,
        net: Decimal,
        fees: dict[str, Decimal],
        dust_cost: Decimal,
        request: UUID | None,
        fees_left_out: bool | None,
        overtaken: list[UUID] | None,
    ) -> None:
        self.is_open, self.opened_at = False, None
        self.bought_quantity, self.bought_cost = self.held, dust_cost
        self.sold_quantity, self.sold_cost, self.fees = ZERO, ZERO, {}
        self.fees_valued, self.fees_left_out = ZERO, False
        self.wanted, self.cover, self.exits = None, Cover(), []
        self.settled, self.settled_cover, self.in_force, self.overtaken = None, Cover(), None, []
        self.request, self.answered, self.resting, self.lost = None, None, [], None
        self.protected, self.weighed = ZERO, ZERO

    @event("ProtectionResting")
    def _protection_resting(
        self,
        orders: list[UUID],
        quantity: Decimal,
        request: UUID | None,
        watched: bool | None,
        covering: Decimal | None,
        overtaken: list[UUID] | None,
    ) -> None:
        self.target_watched, self.overtaken = bool(watched), []
        self.resting, self.protected, self.answered, self.lost = orders, quantity, request, None
        self.weighed = self.cover.quantity if covering is None else covering
        self.in_force = self.wanted

    @event("ProtectionTakenOff")
    def _protection_taken_off(self, left: list[UUID], quantity: Decimal) -> None:
        self.resting, self.protected, self.target_watched = left, quantity, False
        self.weighed = min(self.weighed, quantity)

    @event("ProtectionLost")
    def _protection_lost(
        self, reason: str, detail: str | None, request: UUID | None, overtaken: list[UUID] | None
    ) -> None:
        if request is not None:
            self.answered, self.overtaken = request, []
        self.resting, self.protected, self.weighed = [], ZERO, ZERO
        self.lost, self.in_force = reason, None
        if reason == CARRIED_OUT:
            self.wanted = None

    @event("ProtectionRefused")
    def _protection_refused(
        self,
        reason: str,
        request: UUID | None,
        kept: Protection | None,
        share: Decimal,
        covered: Decimal,
        detail: str | None,
        target_share: Decimal | None,
        target_covered: Decimal | None,
        again: UUID | None,
        overtaken: list[UUID] | None,
    ) -> None:
        self.wanted, self.answered = kept, request
        self.cover = Cover.of(share, covered, target_share, target_covered)
        if again is None:
            self.overtaken = []
        else:
            # The request that it had overtaken is pending again, and waits for its own answer.
            self.request, self.overtaken = again, self.overtaken[:-1]


def _merged(protection: Protection, before: Protection | None) -> Protection:
    """Return the prices asked for, with the former ones where none was asked for."""
    before = before or Protection()
    return Protection(protection.stop_loss or before.stop_loss, protection.take_profit or before.take_profit)


def _profit(exit_price: Decimal, entry_price: Decimal, quantity: Decimal) -> Decimal:
    """Return the gross profit: (sell price - average buy price) x quantity, in the quote currency."""
    return product(difference(exit_price, entry_price), quantity)
