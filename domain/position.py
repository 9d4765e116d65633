"""A position: what one owner holds of one market, what it cost, and how it is to be protected.

Quantities are in the base currency, prices and costs in the quote currency. A stream holds one trade: it begins with
the first buy and ends when what is held is too small to be sold. What is left then, and the buys that still rest, go
to the stream of the next trade. Streams from before that rule hold several trades one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from domain.aggregate import Aggregate, deterministic_id, event
from domain.amounts import ZERO, difference, is_amount, product, total
from domain.cover import Cover
from domain.level import CARRIED_OUT, Level, level_of
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
        self.wanted_before: Protection | None = None
        """What was wanted before what is asked for, and is wanted again when that is refused."""
        self.cover_before = Cover()
        """Its cover, which has followed the buys and sales since."""
        self.in_force: Protection | None = None
        """What rested last, None while nothing does."""
        self.request: UUID | None = None
        self.answered: UUID | None = None
        self.resting: list[UUID] = []
        self.protected = ZERO
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
            rests=bool(self.resting) or self.target_watched,
            moving=self.wanted != self.in_force or self.is_asked,
            share=self.cover.share,
        )

    @property
    def is_asked(self) -> bool:
        """Whether something is asked for that nobody has answered yet."""
        return self.request != self.answered

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
        if self.request == request:
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
            self._protection_refused("entry_ended", self.request, None, HUNDRED_PERCENT, ZERO, None, None, None)

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
            before = _merged(brings, self.wanted_before) if self.is_asked else None
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
        cover, before = (one.sold(self.held, left) for one in (self.cover, self.cover_before))
        if by_protection:
            # What is asked for does not rest yet: what rests has sold.
            before = self.cover_before.carried_out(gone, smallest, by_target=by_target)
            cover = cover if self.is_asked else self.cover.carried_out(gone, smallest, by_target=by_target)
        profit = _profit(sold.price, self.average_entry, quantity)
        self._reduced(
            sold, quantity, self.average_entry, profit, cover.quantity, cover.target_quantity, cover.target_share,
            before.quantity, before.target_quantity, before.target_share,
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
            self.fees_left_out,
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

    def rest(self, orders: list[UUID], quantity: Decimal, *, watched: bool = False) -> None:
        """The wanted protection rests: these orders, for this quantity. A trade that has ended meanwhile has none.

        `watched`: the take-profit found no place beside the stop, and is sold when its price is offered.
        """
        now = (orders, quantity, self.request, watched)
        if self.is_open and now != (self.resting, self.protected, self.answered, self.target_watched):
            self._protection_resting(orders, quantity, self.request, watched or None)

    def lose_protection(self, reason: str, detail: str = "", *, final: bool = False) -> None:
        """Record that not everything is protected that should be. `detail` names rule and numbers.

        `final` answers whoever has asked for this protection: it is not on its way any more.
        """
        asked = final and self.is_asked
        if self.is_open and (self.resting or self.lost != reason or asked):
            self._protection_lost(reason, detail or None, self.request if asked else None)

    def refuse_protection(self, reason: str, detail: str = "") -> None:
        """What is asked for cannot be placed (the wrong side of the market, a rule): what was before is wanted again.

        Whether that rests is another question: it is driven to like every protection that is wanted.
        """
        if self.is_asked:
            cover = self.cover_before.within(self.held)
            self._protection_refused(
                reason, self.request, self.wanted_before, cover.share, cover.quantity, detail or None,
                cover.target_share, cover.target_quantity,
            )  # fmt: skip

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
            self.wanted_before, self.cover_before = self.wanted, self.cover
        quantity = product(self.held, share) / HUNDRED_PERCENT if covered is None else covered
        self.wanted, self.cover = protection, Cover.of(share, quantity, target_share, target_covered)
        if before is not None:
            # What an entry brings stays also when the move that was on its way then is refused.
            self.wanted_before, self.cover_before = before, self.cover
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
        self.cover, self.cover_before = self.cover.grown(received), self.cover_before.grown(received)
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
    ) -> None:
        self.executions.add(execution.key)
        self.held = remaining_of(self.held, quantity, execution, self.symbol)
        self.cover = self.cover.reduced(covered, target_covered, target_share)
        self.wanted, self.in_force = self.cover.left_of(self.wanted), self.cover.left_of(self.in_force)
        if covered_before is not None:
            self.cover_before = self.cover_before.reduced(covered_before, target_covered_before, target_share_before)
            self.wanted_before = self.cover_before.left_of(self.wanted_before)
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
    ) -> None:
        self.is_open, self.opened_at = False, None
        self.bought_quantity, self.bought_cost = self.held, dust_cost
        self.sold_quantity, self.sold_cost, self.fees = ZERO, ZERO, {}
        self.fees_valued, self.fees_left_out = ZERO, False
        self.wanted, self.cover, self.exits = None, Cover(), []
        self.wanted_before, self.cover_before, self.in_force = None, Cover(), None
        self.request, self.answered, self.resting, self.protected, self.lost = None, None, [], ZERO, None

    @event("ProtectionResting")
    def _protection_resting(
        self, orders: list[UUID], quantity: Decimal, request: UUID | None, watched: bool | None
    ) -> None:
        self.target_watched = bool(watched)
        self.resting, self.protected, self.answered, self.lost = orders, quantity, request, None
        self.in_force = self.wanted

    @event("ProtectionLost")
    def _protection_lost(self, reason: str, detail: str | None, request: UUID | None) -> None:
        self.answered = self.answered if request is None else request
        self.resting, self.protected, self.lost, self.in_force = [], ZERO, reason, None
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
    ) -> None:
        self.wanted, self.answered = kept, request
        self.cover = Cover.of(share, covered, target_share, target_covered)


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
