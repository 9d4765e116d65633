"""Panics: everything that a user holds is sold, on all brokers, again and again until the panic is lifted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from uuid import UUID

from application.commands import on_fresh_state
from application.people.users import by_hand, registry_of
from application.ports.stores import Reader, Store
from application.trading.closing import exit_of
from application.trading.counting import explained
from application.trading.halts import RESUME_WITHIN, guards, not_replaced, orders_of, protects
from application.trading.positions import PANIC, wished
from application.trading.replacing import pending
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.orders.order_status import ENDED, Status
from domain.orders.wish import HUNDRED_PERCENT, Side, Source
from domain.people.broker import Broker, Usage
from domain.people.user import User
from domain.refusals import Conflict, Impossible
from domain.trading.position import Position

CANCELLED_AGAIN_AFTER = timedelta(seconds=5)
"""The time after which a cancellation that the exchange did not carry out is requested again."""
LONGEST_PAUSE = timedelta(seconds=30)
HOPELESS = frozenset({"notional_below_minimum", "quantity_below_minimum", "market_closed", "symbol_unknown"})
"""The reasons that another try does not change soon: it follows after `HOPELESS_PAUSE`."""
HOPELESS_PAUSE = timedelta(minutes=5)
LOCKED = frozenset({"insufficient_funds", "notional_below_minimum", "quantity_below_minimum"})
"""The reasons of exits whose coins may be locked under orders that were placed by themselves."""


@on_fresh_state
def begin(store: Store, user: int, request: UUID) -> UUID:
    """Halt automatic trading and begin a panic; return the panic in force. One `request` begins one panic.

    Raises `Impossible` for a request whose panic was lifted.
    """
    with by_hand(user):
        subject = store.get(User, User.create_id(user))
        subject.begin_panic(request)
        store.save(subject)
        return subject.panic or request


@on_fresh_state
def lift(store: Store, user: int, *, asked_at: float | None = None) -> None:
    """End a panic: exits that were not sent yet are cancelled, and nothing more is sold. Trading stays halted.

    Raises `Impossible` when the request has waited too long, as in `halts.resume`.
    """
    with by_hand(user):
        subject = store.get(User, User.create_id(user))
        if asked_at is not None and time.monotonic() - asked_at > RESUME_WITHIN:
            raise Impossible("the request to lift has waited too long", code="resume_too_late")
        subject.lift_panic()
        unsent = [order for order in orders_of(store, user) if _is_unsent_exit(order)]
        for order in unsent:
            order.request_cancel(PANIC)
        store.save(subject, *unsent)


def _is_unsent_exit(order: Order) -> bool:
    return order.requester == PANIC and order.status is Status.PLACED and not order.cancel_requested


def in_force(store: Reader) -> list[User]:
    """Return the users whose panic is in force."""
    users = store.get_all(User, [User.create_id(number) for number in registry_of(store).users])
    return [user for user in users if user.panic is not None]


def orders_to_cancel(store: Store, user: int, held: Sequence[Position]) -> Iterator[Order]:
    """Yield a user's orders that guard no coins, but for exits on their way. `held` are the positions to sell.

    A stop that was placed by itself goes only when the coins of a position cannot be sold because it locks them.
    """
    short = {
        (one.broker, one.symbol)
        for one in held
        if any(order.reason in LOCKED for order in store.get_all(Order, one.exits[-1:]))
    }
    for order in orders_of(store, user):
        leaves = order.wish.side is Side.SELL and order.wish.trades_at_once
        stays = protects(order) or (guards(order) and (order.broker, order.wish.symbol) not in short)
        ending = order.cancel_requested and pending(order, store) is None
        if not ending and not leaves and not stays:
            yield order


def positions_to_sell(store: Store, user: int) -> list[Position]:
    """Return a user's open positions, but for coins that were bought elsewhere."""
    positions = store.get_all(Position, store.positions_open())
    return [one for one in positions if one.user == user and one.is_open and one.owner != Source.EXTERNAL]


class Pursuit:
    """The pursuit of all panics: what is still to be cancelled and sold is asked for, until nothing is left.

    An exit that came to nothing is followed by another one, with growing pauses. One that is in doubt is waited for:
    silence is not a rejection.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cancelled_at: dict[UUID, datetime] = {}
        self._freed: set[tuple[int, str]] = set()
        """The markets (broker, symbol) in which coins were freed since the last exit: the next one waits no pause."""

    def of(self, user: User, now: datetime) -> list[Order]:
        """Ask for all that is due now for one user; return the orders that are cancelled or placed."""
        with _by_panic(user):
            held = positions_to_sell(self._store, user.number)
            ending = orders_to_cancel(self._store, user.number, held)
            cancelled = [order for order in ending if self._cancel(order, now)]
            going = {key_of(order) for order in orders_of(self._store, user.number) if _is_going(order)}
            due = [one for one in held if (one.broker, one.symbol) not in going]
            sold = [order for one in due if (order := self._sell(one, now)) is not None]
        return [*cancelled, *sold]

    def _cancel(self, order: Order, now: datetime) -> bool:
        asked_at = self._cancelled_at.get(order.id)
        if asked_at is not None and now - asked_at < CANCELLED_AGAIN_AFTER:
            return False
        try:
            order.request_cancel(PANIC)
            self._store.save(order, *not_replaced(order, self._store))
        except (Conflict, Impossible):
            return False  # it has just changed: the next look sees how
        self._cancelled_at[order.id] = now
        if guards(order):
            self._freed.add(key_of(order))
        return True

    def _sell(self, position: Position, now: datetime) -> Order | None:
        broker = self._store.get(Broker, Broker.create_id(position.broker))
        exits = self._store.get_all(Order, position.exits)
        key = position.broker, position.symbol
        cannot = broker.removed or broker.usage is Usage.OFF
        if cannot or not _are_over(exits, position, now, waits=key not in self._freed):
            return None
        # The position's version never returns, and changes with each exit: two that pursue place one order.
        order_id = Order.id_for(position.id, f"panic {position.version}")
        try:
            order = exit_of(position, order_id, HUNDRED_PERCENT, PANIC, now)
            self._store.save(order, wished(order, self._store))
        except (Conflict, Impossible):
            return None
        self._freed.discard(key)
        return order


def key_of(order: Order) -> tuple[int, str]:
    """Return the market of an order: its broker and its symbol."""
    return order.broker, order.wish.symbol


def _is_going(order: Order) -> bool:
    return order.cancel_requested and guards(order)


def _are_over(exits: Sequence[Order], position: Position, now: datetime, *, waits: bool) -> bool:
    """Return True when all exits have ended, what they sold is counted, and a vain one `waits` no longer.

    A doubt about any of them is waited for: its coins may be sold, and the account may hold others.
    """
    if not exits:
        return True
    last = max(exits, key=lambda one: one.modified_on)
    growing = min(timedelta(seconds=2 ** min(len(exits), 9)), LONGEST_PAUSE)
    pause = HOPELESS_PAUSE if last.reason in HOPELESS else growing
    pausing = waits and not last.filled and now - last.modified_on < pause
    return all(one.status in ENDED for one in exits) and explained(position, exits) and not pausing


def _by_panic(user: User) -> AbstractContextManager[None]:
    return carrying(user=str(user.number), source="panic", correlation_id=str(user.panic))
