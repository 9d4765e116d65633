"""A position: what one owner holds in one market, its cost, and its wanted protection.

Quantities are in the base currency, prices and costs in the quote currency. A stream holds one trade: it begins with
the first buy and ends when what is held is too small to be sold. The dust left then, and the buys that still rest,
pass to the stream of the next trade. Streams from before that rule hold several trades, one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from domain.aggregate import Aggregate, deterministic_id, event
from domain.amounts import ZERO, difference, product
from domain.orders.execution import Execution, check_fill, fee_in_coins, remaining_of
from domain.orders.wish import HUNDRED_PERCENT, Protection
from domain.protection.cover import NOTHING, Cover
from domain.protection.level import CARRIED_OUT
from domain.protection.requests import Requests
from domain.refusals import Impossible
from domain.trading.position_state import Entry, PositionState
from domain.trading.trade import Trade


class Position(PositionState, Aggregate):
    """The holdings of one owner (webhooks, manual trading, one deployment) in one symbol at one broker."""

    @event("Opened")
    def __init__(
        self, user: int, broker: int, symbol: str, owner: str, previous: UUID | None = None,
        dust: Decimal | None = None, dust_cost: Decimal | None = None, entries: list[Entry] | None = None,
        executions: list[str] | None = None,
    ) -> None:  # fmt: skip
        self.user, self.broker, self.symbol, self.owner, self.previous = user, broker, symbol, owner, previous
        self.trade, self.requests = Trade.of_dust(symbol, dust or ZERO, dust_cost or ZERO), Requests()
        self.executions = set(executions or ())
        self.entries = {entry.order_id: entry.protection for entry in entries or ()}
        self.brought = {entry.order_id: entry.brought for entry in entries or () if entry.brought is not None}
        self.exits, self.resting, self.protected, self.weighed = [], [], ZERO, ZERO
        self.in_force, self.lost, self.target_watched = None, None, False

    @staticmethod
    def create_id(user: int, broker: int, symbol: str, owner: str, previous: UUID | None = None) -> UUID:
        """Return the id of an owner's first stream in a market, or of the one after `previous`, always the same."""
        if previous is not None:
            return uuid5(previous, "next")
        return deterministic_id("position", user, broker, symbol, owner)

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

    def withdraw(self, order_id: UUID) -> None:
        """Forget an order that was never sent because of what is held: all that it was to lead to, or more, or less."""
        if order_id in self.entries or order_id in self.exits:
            self._withdrawn(order_id)

    def want(self, protection: Protection, share: Decimal, request: UUID, *, awaited: Sequence[UUID]) -> None:
        """Move the protection to new prices, for a `share` (percent) of what is held.

        An absent price stays as it is wanted now or, while nothing is wanted, as the newest awaited buy brings it.
        `request` is the webhook or form that asks, and counts once; `awaited` names the buys that are on their way.
        Raises `Invalid` when the prices cross, `Impossible` when there is nothing to protect.
        """
        if self.requests.knows(request):
            return
        if not self.is_open and not awaited:
            raise Impossible(f"there is no position in {self.symbol}", code="no_position")
        brought = (self.entries.get(order_id) for order_id in reversed(awaited))
        merged = protection.over(self.wanted or next((p for p in brought if p is not None), None))
        merged.check()
        self._want(protection, merged, share, request, None)

    def _want(
        self, asked: Protection, merged: Protection, share: Decimal, request: UUID | None, before: Protection | None
    ) -> None:
        cover = self.cover.asked(asked, merged, share, self.held)
        self._protection_wanted(
            merged, cover.share, request, cover.quantity, cover.target_share, cover.target_quantity, before
        )  # fmt: skip

    def abandon(self) -> None:
        """Drop a protection that was wanted for buys, once none is on its way: it must not apply to the next buy."""
        if self.is_left_over:
            self._protection_refused(
                "entry_ended", self.request, None, HUNDRED_PERCENT, ZERO, None, None, None, None, self.requests.others
            )

    # --- executions --------------------------------------------------------------------------------------------

    def grow(self, bought: Execution) -> None:
        """Record an executed buy, counted once. A fee in the base currency is deducted from what is held.

        Raises `Invalid` when an amount is not valid.
        """
        if bought.key in self.executions:
            return
        check_fill(bought.quantity, bought.price, bought.fee)
        brings = self.entries.get(bought.order_id)
        if brings is None and self.wanted is None:
            # The trade that this order began is complete, or its stop was carried out, and the order still buys.
            brings = self.brought.get(bought.order_id)
        self._grew(bought, difference(bought.quantity, fee_in_coins(bought, self.symbol)))
        if brings is not None:
            before = brings.over(self.requests.settled) if self.is_asked else None
            self._want(brings, brings.over(self.wanted), HUNDRED_PERCENT, None, before)

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
        check_fill(sold.quantity, sold.price, sold.fee)
        if not self.held:
            self._disregarded(sold)
            return
        quantity = min(sold.quantity, self.held)
        left = remaining_of(self.held, quantity, sold, self.symbol)
        gone = difference(self.held, left)
        settled = self.requests.settled_cover
        cover, before = (one.sold(self.held, left) for one in (self.cover, settled))
        if by_protection:
            # The protection of a pending request does not rest yet: the settled one has sold, if there is one.
            before = settled.carried_out(gone, smallest, by_target=by_target)
            pending = self.is_asked and self.wanted_before is not None
            cover = cover if pending else self.cover.carried_out(gone, smallest, by_target=by_target)
        average, profit = self.trade.average_entry, self.trade.profit(sold.price, quantity)
        self._reduced(
            sold, quantity, average, profit, cover.quantity, cover.target_quantity, cover.target_share,
            before.quantity, before.target_quantity, before.target_share, by_protection or None,
        )  # fmt: skip
        if self.is_open and (self.held < smallest or not self.held):
            self._complete(sold.executed_at)

    def _complete(self, at: datetime) -> None:
        trade = self.trade
        self._closed(
            self.broker, self.symbol, self.owner, trade.opened_at, at, trade.sold_quantity, trade.average_entry,
            trade.average_exit, trade.profit(trade.average_exit, trade.sold_quantity), trade.net, {**trade.fees},
            trade.dust_cost, self.request, trade.fees_left_out, self.requests.others,
        )  # fmt: skip

    def next(self, alive: Collection[UUID]) -> Position:
        """Return the stream of the next trade, with the dust of this one and the buys that are still `alive`."""
        entries = [Entry(one, self.entries[one], self.brought.get(one)) for one in self.entries if one in alive]
        names = {order_id.hex for order_id in alive}
        known = sorted(key for key in self.executions if key.partition(":")[0] in names)
        return Position(
            self.user, self.broker, self.symbol, self.owner, previous=self.id, dust=self.held,
            dust_cost=self.trade.bought_cost, entries=entries, executions=known,
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
        known = now == (self.resting, self.protected, self.requests.answered, self.target_watched)
        if self.is_open and not (known and weighed <= self.weighed):
            self._protection_resting(orders, quantity, self.request, watched or None, weighed, self.requests.others)

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
            others = self.requests.others if asked else None
            self._protection_lost(reason, detail or None, self.request if asked else None, others)

    def refuse_protection(self, reason: str, detail: str = "") -> None:
        """Record that the requested protection cannot be placed, and want the former one again.

        The reason is the wrong side of the market or a rule. The former protection is that of an earlier unanswered
        request, or else the settled one. Whether it rests is a separate question: it is placed like every wanted
        protection.
        """
        if self.is_asked:
            kept, cover, again = self.requests.former
            cover = cover.within(self.held)
            self._protection_refused(
                reason, self.request, kept, cover.share, cover.quantity, detail or None, cover.target_share,
                cover.target_quantity, again, self.requests.others if again is None else None,
            )  # fmt: skip

    # --- events ------------------------------------------------------------------------------------------------

    @event("EntryWanted")
    def _entry_wanted(self, order_id: UUID, protection: Protection | None) -> None:
        self.entries[order_id] = protection
        if protection is not None:
            self.brought[order_id] = protection

    @event("ExitWanted")
    def _exit_wanted(self, order_id: UUID) -> None:
        self.exits.append(order_id)

    @event("Withdrawn")
    def _withdrawn(self, order_id: UUID) -> None:
        self.entries = {one: brings for one, brings in self.entries.items() if one != order_id}
        self.brought = {one: brings for one, brings in self.brought.items() if one != order_id}
        self.exits = [one for one in self.exits if one != order_id]

    @event("ProtectionWanted")
    def _protection_wanted(
        self, protection: Protection, share: Decimal, request: UUID | None, covered: Decimal | None,
        target_share: Decimal | None, target_covered: Decimal | None, before: Protection | None,
    ) -> None:  # fmt: skip
        quantity = product(self.held, share) / HUNDRED_PERCENT if covered is None else covered
        cover = Cover.of(share, quantity, target_share, target_covered)
        self.requests = self.requests.asked(protection, cover, request, before)
        if self.lost == CARRIED_OUT:
            self.lost = None
        if request is not None:
            # This request outweighs what an earlier entry brings with its first fill.
            self.entries = dict.fromkeys(self.entries)

    @event("Grew")
    def _grew(self, execution: Execution, received: Decimal) -> None:
        if self.lost == CARRIED_OUT:
            # A protection that was carried out does not apply to what is bought afterwards.
            self.requests, self.lost = replace(self.requests, cover=NOTHING), None
        self.executions.add(execution.key)
        self.entries = {**self.entries, execution.order_id: None}
        self.trade, self.requests = self.trade.bought(execution, received), self.requests.grown(received)

    @event("Reduced")
    def _reduced(
        self, execution: Execution, quantity: Decimal, average_entry: Decimal, profit: Decimal, covered: Decimal,
        target_covered: Decimal | None, target_share: Decimal | None, covered_before: Decimal | None,
        target_covered_before: Decimal | None, target_share_before: Decimal | None, by_protection: bool | None,
    ) -> None:  # fmt: skip
        self.executions.add(execution.key)
        held, self.trade = self.held, self.trade.sold(execution, quantity)
        if by_protection:
            self.weighed = max(difference(self.weighed, difference(held, self.held)), ZERO)
        cover, settled = self.cover.reduced(covered, target_covered, target_share), self.requests.settled_cover
        if covered_before is not None:
            settled = settled.reduced(covered_before, target_covered_before, target_share_before)
        self.requests = self.requests.reduced(cover, settled, held, self.held)
        self.in_force = cover.left_of(self.in_force)

    @event("Disregarded")
    def _disregarded(self, execution: Execution) -> None:
        self.executions.add(execution.key)

    @event("Closed")
    def _closed(
        self, broker: int, symbol: str, owner: str, opened_at: datetime | None, closed_at: datetime,
        quantity: Decimal, average_entry: Decimal, average_exit: Decimal, gross: Decimal, net: Decimal,
        fees: dict[str, Decimal], dust_cost: Decimal, request: UUID | None, fees_left_out: bool | None,
        overtaken: list[UUID] | None,
    ) -> None:  # fmt: skip
        self.trade, self.requests = Trade.of_dust(self.symbol, self.held, dust_cost), Requests()
        self.exits, self.in_force, self.resting, self.lost = [], None, [], None
        self.protected, self.weighed = ZERO, ZERO

    @event("ProtectionResting")
    def _protection_resting(
        self, orders: list[UUID], quantity: Decimal, request: UUID | None, watched: bool | None,
        covering: Decimal | None, overtaken: list[UUID] | None,
    ) -> None:  # fmt: skip
        self.requests, self.target_watched = self.requests.answered_by(request), bool(watched)
        self.resting, self.protected, self.lost, self.in_force = orders, quantity, None, self.wanted
        self.weighed = self.covered if covering is None else covering

    @event("ProtectionTakenOff")
    def _protection_taken_off(self, left: list[UUID], quantity: Decimal) -> None:
        self.resting, self.protected, self.target_watched = left, quantity, False
        self.weighed = min(self.weighed, quantity)

    @event("ProtectionLost")
    def _protection_lost(
        self, reason: str, detail: str | None, request: UUID | None, overtaken: list[UUID] | None
    ) -> None:
        if request is not None:
            self.requests = self.requests.answered_by(request)
        self.resting, self.protected, self.weighed, self.lost, self.in_force = [], ZERO, ZERO, reason, None
        if reason == CARRIED_OUT:
            self.requests = replace(self.requests, wanted=None)

    @event("ProtectionRefused")
    def _protection_refused(
        self, reason: str, request: UUID | None, kept: Protection | None, share: Decimal, covered: Decimal,
        detail: str | None, target_share: Decimal | None, target_covered: Decimal | None, again: UUID | None,
        overtaken: list[UUID] | None,
    ) -> None:  # fmt: skip
        cover = Cover.of(share, covered, target_share, target_covered)
        self.requests = self.requests.refused(request, kept, cover, again)
