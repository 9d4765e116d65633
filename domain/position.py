"""A position: what one owner holds of one market, what it cost, and how it is to be protected.

Quantities are in the base currency, prices and costs in the quote currency. A stream holds one trade: it begins with
the first buy and ends when what is held is too small to be sold. What is left then, and the buys that still rest, go
to the stream of the next trade. Streams from before that rule hold several trades one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from domain.aggregate import Aggregate, deterministic_id, event
from domain.amounts import ZERO, difference, is_amount, product, total
from domain.cover import Cover
from domain.level import CARRIED_OUT, TELLING_BY_AGE, Level, level_of
from domain.refusals import Impossible, Invalid
from domain.wish import HUNDRED_PERCENT, Protection


@dataclass(frozen=True)
class Execution:
    """One fill as a position counts it. `fee` is never negative and in `fee_currency`.

    `fee_value` is what a fee in a third currency was worth (quote), None where that is not known.
    """

    order_id: UUID
    trade_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str | None
    executed_at: datetime
    fee_value: Decimal | None = None

    @property
    def key(self) -> str:
        """Told apart from every other fill."""
        return key_of(self.order_id, self.trade_id)


@dataclass(frozen=True)
class Entry:
    """A buy that outlives its trade: what it brings with its next fill, and what it brought at first."""

    order_id: UUID
    protection: Protection | None
    brought: Protection | None


@dataclass(frozen=True)
class Asked:
    """A request that a later one has overtaken before anybody answered it."""

    request: UUID
    protection: Protection | None
    """What it asked for, None once it can no longer be wanted: a buy has brought prices of its own since."""
    cover: Cover


def key_of(order_id: UUID, trade_id: str) -> str:
    """How a position remembers a fill."""
    return f"{order_id.hex}:{trade_id}"


class Position(Aggregate):
    """What one owner (the webhooks, the hand, one deployment) holds of one symbol at one broker."""

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
        """The stream of the trade before, None for the first."""
        self.held = dust or ZERO
        self.bought_quantity = dust or ZERO
        self.bought_cost = dust_cost or ZERO
        self.sold_quantity = ZERO
        self.sold_cost = ZERO
        self.fees: dict[str, Decimal] = {}
        self.fees_valued = ZERO
        """What its fees in third currencies were worth (quote), as far as that is known."""
        self.fees_left_out = False
        """Whether the value of some of them is not known."""
        self.executions = set(executions or ())
        self.entries = {entry.order_id: entry.protection for entry in entries or ()}
        """The buys that were wanted, and what each of them brings with its next fill."""
        self.brought = {entry.order_id: entry.brought for entry in entries or () if entry.brought is not None}
        """What they brought at first: a buy that outlives its trade brings it to the next one too."""
        self.exits: list[UUID] = []
        self.is_open = False
        self.opened_at: datetime | None = None
        self.wanted: Protection | None = None
        self.cover = Cover()
        self.settled: Protection | None = None
        """What was wanted when nothing was asked for."""
        self.settled_cover = Cover()
        """Its cover, which has followed the buys and sales since."""
        self.overtaken: list[Asked] = []
        """What was asked for before what is asked for now, and nobody has answered."""
        self.in_force: Protection | None = None
        """What rested last, None once it is known to be lost."""
        self.request: UUID | None = None
        self.answered: UUID | None = None
        self.resting: list[UUID] = []
        self.protected = ZERO
        self.weighed = ZERO
        """How much was to be covered (base) when what rests was placed, less what it has sold."""
        self.lost: str | None = None
        self.target_watched = False

    @staticmethod
    def create_id(user: int, broker: int, symbol: str, owner: str, previous: UUID | None = None) -> UUID:
        """The first stream of an owner's market at one broker, or the one after `previous`: always the same ones."""
        if previous is not None:
            return uuid5(previous, "next")
        return deterministic_id("position", user, broker, symbol, owner)

    @property
    def average_entry(self) -> Decimal:
        """The quantity-weighted price of all buys of the running trade; zero before the first."""
        return self.bought_cost / self.bought_quantity if self.bought_quantity else ZERO

    @property
    def covered(self) -> Decimal:
        """How much of what is held (base) is to be under a stop."""
        return self.cover.quantity

    @property
    def level(self) -> Level:
        """How well it is protected now."""
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
        """How much (base) that is to be covered has come since what rests was placed, or has lost its stop since."""
        return max(difference(self.covered, self.weighed), ZERO)

    @property
    def tells_by_age(self) -> bool:
        """Whether only the age of its level tells that something is wrong."""
        return self.level in TELLING_BY_AGE or (self.level is Level.PARTLY_COVERED and bool(self.bare))

    @property
    def is_asked(self) -> bool:
        """Whether something is asked for that nobody has answered yet."""
        return self.request != self.answered

    @property
    def wanted_before(self) -> Protection | None:
        """What is wanted again when what is asked for is refused: what was asked for before it, or rested."""
        return self._former[0]

    @property
    def _former(self) -> tuple[Protection | None, Cover, UUID | None]:
        """The same with its cover, and the request to which it is the answer that is still owed."""
        last = self.overtaken[-1] if self.overtaken else None
        if last is None or last.protection is None:
            return self.settled, self.settled_cover, None
        return last.protection, last.cover, last.request

    @property
    def has_just_closed(self) -> bool:
        """Whether what was said since it was loaded has completed its trade."""
        return any(isinstance(said, Position.Closed) for said in self.pending_events) and not self.is_open  # type: ignore[attr-defined]

    # --- what is wanted ----------------------------------------------------------------------------------------

    def enter(self, order_id: UUID, protection: Protection | None) -> None:
        """A buy is to be sent; the protection that it brings counts from its first fill on."""
        if order_id not in self.entries:
            self._entry_wanted(order_id, protection)

    def leave(self, order_id: UUID) -> None:
        """A sell is to be sent: the coins that rest under protection are freed for it."""
        if order_id not in self.exits:
            self._exit_wanted(order_id)

    def want(self, protection: Protection, share: Decimal, request: UUID, *, awaited: Sequence[UUID]) -> None:
        """Move the protection: an absent price keeps the one in force, `share` (percent) is of what is held.

        `request` is the webhook or form that asks, `awaited` names the buys that are on their way. Raises `Invalid`
        when the prices cross, `Impossible` when there is nothing to protect.
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
        """Whether something is asked for buys that have not come: only while one is on its way it may count."""
        return not self.is_open and self.wanted is not None

    def abandon(self) -> None:
        """No buy is on its way any more: what was asked for it is none of the next one's business."""
        if self.is_left_over:
            self._protection_refused(
                "entry_ended", self.request, None, HUNDRED_PERCENT, ZERO, None, None, None, None, self._others
            )

    # --- what was executed -------------------------------------------------------------------------------------

    def grow(self, bought: Execution) -> None:
        """A buy was executed, counted once. A fee in the base currency is not held. Raises `Invalid`."""
        if bought.key in self.executions:
            return
        _check(bought)
        brings = self.entries.get(bought.order_id)
        if brings is None and self.wanted is None:
            # The trade that it began is complete, or its stop has done its work, and it still buys.
            brings = self.brought.get(bought.order_id)
        self._grew(bought, difference(bought.quantity, fee_in_coins(bought, self.symbol)))
        if brings is not None:
            before = _merged(brings, self.settled) if self.is_asked else None
            self._want(brings, _merged(brings, self.wanted), HUNDRED_PERCENT, None, before)

    def reduce(
        self, sold: Execution, smallest: Decimal, *, by_protection: bool = False, by_target: bool = False
    ) -> None:
        """A sell was executed, counted once; what it sold above what is held here was never bought here.

        A fee in the base currency (BNB, for a sale of BNB) takes more of the coins than were sold.

        What is left below `smallest` (base) cannot be sold: the trade is complete, and the rest is dust of the next.
        An order may sell the dust all the same, with the last of its own executions: that counts in the next trade.
        A stop or a target (`by_target`) that was carried out (`by_protection`) covers that much less. Any other sell,
        and what is asked for meanwhile, keeps the share.
        """
        if sold.key in self.executions:
            return None
        _check(sold)
        if not self.held:
            return self._disregarded(sold)
        quantity = min(sold.quantity, self.held)
        left = remaining_of(self.held, quantity, sold, self.symbol)
        gone = difference(self.held, left)
        cover, before = (one.sold(self.held, left) for one in (self.cover, self.settled_cover))
        if by_protection:
            # What is asked for does not rest yet: what rests has sold.
            before = self.settled_cover.carried_out(gone, smallest, by_target=by_target)
            cover = cover if self.is_asked else self.cover.carried_out(gone, smallest, by_target=by_target)
        profit = _profit(sold.price, self.average_entry, quantity)
        self._reduced(
            sold, quantity, self.average_entry, profit, cover.quantity, cover.target_quantity, cover.target_share,
            before.quantity, before.target_quantity, before.target_share, by_protection or None,
        )  # fmt: skip
        if self.is_open and (self.held < smallest or not self.held):
            self._complete(sold.executed_at)
        return None

    def _complete(self, at: datetime) -> None:
        average_exit = self.sold_cost / self.sold_quantity
        dust_cost = product(self.held, self.average_entry)
        gross = _profit(average_exit, self.average_entry, self.sold_quantity)
        quote = self.symbol.partition("/")[2]
        # Fees in the base currency are coins that were bought and never sold: they are in the difference already.
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
        """The wanted protection rests: these orders, for this quantity. A trade that has ended meanwhile has none.

        `watched`: the take-profit found no place beside the stop, and is sold when its price is offered. `covering` is
        how much was to be covered (base) when that was found out: what was bought since is not under it.
        """
        now = (orders, quantity, self.request, watched)
        weighed = self.covered if covering is None else min(covering, self.covered)
        known = now == (self.resting, self.protected, self.answered, self.target_watched)
        if self.is_open and not (known and weighed <= self.weighed):
            self._protection_resting(orders, quantity, self.request, watched or None, weighed, self._others)

    def take_off(self, left: list[UUID], quantity: Decimal) -> None:
        """Of what rested only these orders are left, for this quantity: nothing has taken the place of the others."""
        if self.is_open and self.lost is None and self.resting and (left, quantity) != (self.resting, self.protected):
            self._protection_taken_off(left, quantity)

    def lose_protection(self, reason: str, detail: str = "", *, final: bool = False) -> None:
        """Record that not everything is protected that should be. `detail` names rule and numbers.

        `final` answers whoever has asked for this protection: it is not on its way any more.
        """
        asked = final and self.is_asked
        if self.is_open and (self.resting or self.lost != reason or asked):
            others = self._others if asked else None
            self._protection_lost(reason, detail or None, self.request if asked else None, others)

    def refuse_protection(self, reason: str, detail: str = "") -> None:
        """What is asked for cannot be placed (the wrong side of the market, a rule): what was before is wanted again.

        That is what an earlier request asks for that nobody has answered, or else what rested. Whether it rests is
        another question: it is driven to like every protection that is wanted.
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
        """The requests that were overtaken and are answered with the one that overtook them; None for none."""
        return [one.request for one in self.overtaken] or None

    # --- what the facts do to the state ------------------------------------------------------------------------

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
            # What an entry brings stays also when the move that was on its way then is refused.
            self.settled, self.settled_cover = before, self.cover
            self.overtaken = [replace(one, protection=None) for one in self.overtaken]
        if self.lost == CARRIED_OUT:
            self.lost = None
        if request is not None:
            # What is asked for now outweighs what an earlier entry brings with its first fill.
            self.request, self.entries = request, dict.fromkeys(self.entries)

    @event("Grew")
    def _grew(self, execution: Execution, received: Decimal) -> None:
        if self.lost == CARRIED_OUT:
            # What is bought now is no business of a stop that has been passed.
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
            # What it had overtaken is asked for again, and waits for its own answer.
            self.request, self.overtaken = again, self.overtaken[:-1]


def _merged(protection: Protection, before: Protection | None) -> Protection:
    """The prices asked for, and those from before where none was."""
    before = before or Protection()
    return Protection(protection.stop_loss or before.stop_loss, protection.take_profit or before.take_profit)


def fee_in_coins(execution: Execution, symbol: str) -> Decimal:
    """What an execution cost of the very coins that were traded (base)."""
    return execution.fee if execution.fee_currency == symbol.partition("/")[0] else ZERO


def remaining_of(held: Decimal, quantity: Decimal, sold: Execution, symbol: str) -> Decimal:
    """What is left (base) once so much of it was sold and its fee is paid, which may have been paid of other coins."""
    return max(difference(held, total((quantity, fee_in_coins(sold, symbol)))), ZERO)


def _profit(exit_price: Decimal, entry_price: Decimal, quantity: Decimal) -> Decimal:
    """Gross: (sell price - average buy price) x quantity, in the quote currency."""
    return product(difference(exit_price, entry_price), quantity)


def _check(execution: Execution) -> None:
    amounts = (execution.quantity, execution.price, execution.fee)
    if not all(is_amount(amount) and amount >= 0 for amount in amounts) or not execution.quantity:
        raise Invalid(f"{execution} is no execution", code="fill_contradicts")
