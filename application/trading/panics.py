"""Panics: everything that a user holds is sold, on all brokers, again and again until the panic is lifted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from uuid import UUID

from application.commands import on_fresh_state
from application.people.users import by_hand, registry_of
from application.ports.stores import Reader, Store
from application.trading.closing import exit_of
from application.trading.counting import explained
from application.trading.halts import RESUME_WITHIN, not_replaced, protects
from application.trading.positions import PANIC, wished
from application.trading.replacing import pending
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.orders.order_status import ENDED, Status
from domain.orders.wish import HUNDRED_PERCENT, Side, Source
from domain.people.broker import Broker
from domain.people.user import User
from domain.refusals import Conflict, Impossible
from domain.trading.position import Position

CANCELLED_AGAIN_AFTER = timedelta(seconds=5)
"""The time after which a cancellation that the exchange did not carry out is requested again."""
LONGEST_PAUSE = timedelta(seconds=30)


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
        unsent = [order for order in _orders_of(store, user) if _is_unsent_exit(order)]
        for order in unsent:
            order.request_cancel(PANIC)
        store.save(subject, *unsent)


def _is_unsent_exit(order: Order) -> bool:
    return order.requester == PANIC and order.status is Status.PLACED and not order.cancel_requested


def _orders_of(store: Store, user: int) -> Iterator[Order]:
    return (order for order in store.get_all(Order, store.orders_not_ended()) if order.user == user)


def in_force(store: Reader) -> list[User]:
    """Return the users whose panic is in force."""
    users = store.get_all(User, [User.create_id(number) for number in registry_of(store).users])
    return [user for user in users if user.panic is not None]


def orders_to_cancel(store: Store, user: int) -> Iterator[Order]:
    """Yield a user's orders that protect no coins, but for exits on their way."""
    for order in _orders_of(store, user):
        leaves = order.wish.side is Side.SELL and order.wish.trades_at_once
        ending = order.cancel_requested and pending(order, store) is None
        if not ending and not leaves and not protects(order):
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

    def look(self, now: datetime) -> list[Order]:
        """Ask for all that is due now, for every user in a panic; return the orders that are cancelled or placed."""
        return [order for user in in_force(self._store) for order in self.of(user, now)]

    def of(self, user: User, now: datetime) -> list[Order]:
        """Ask for all that is due now for one user; return the orders that are cancelled or placed."""
        with _by_panic(user):
            cancelled = [order for order in orders_to_cancel(self._store, user.number) if self._cancel(order, now)]
            held = positions_to_sell(self._store, user.number)
            sold = [order for one in held if (order := self._sell(one, now)) is not None]
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
        return True

    def _sell(self, position: Position, now: datetime) -> Order | None:
        last = self._store.find(Order, position.exits[-1]) if position.exits else None
        if last is not None and not _is_over(last, position, now):
            return None
        if self._store.get(Broker, Broker.create_id(position.broker)).removed:
            return None
        # The position numbers its exits, and is saved in the same commit: two that pursue place one order.
        order_id = Order.id_for(position.id, f"panic {len(position.exits)}")
        try:
            order = exit_of(position, order_id, HUNDRED_PERCENT, PANIC, now)
            self._store.save(order, wished(order, self._store))
        except (Conflict, Impossible):
            return None
        return order


def _is_over(last: Order, position: Position, now: datetime) -> bool:
    """Return True when the last exit has ended, what it sold is counted, and the pause after a vain one is over."""
    pause = min(timedelta(seconds=2 ** min(len(position.exits), 9)), LONGEST_PAUSE)
    pausing = not last.filled and now - last.modified_on < pause
    return last.status in ENDED and explained(position, [last]) and not pausing


def _by_panic(user: User) -> AbstractContextManager[None]:
    return carrying(user=str(user.number), source="panic", correlation_id=str(user.panic))
