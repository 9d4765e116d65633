"""Tickets: the execution of what a trader has validated, once, exactly as it stands."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from application.commands import on_fresh_state
from application.people.users import by_hand
from application.ports.stores import Store
from application.trading.positions import wished
from domain.market import Market
from domain.orders.names import wish_name
from domain.orders.order import Order
from domain.orders.wish import Side, Source
from domain.people.user import User
from domain.refusals import Impossible
from domain.ticket import REQUESTER, SENDABLE_FOR, Ticket


def is_executed(store: Store, ticket: Ticket) -> bool:
    """Return True when the order of a ticket was placed, whatever has become of it."""
    return store.find(Order, ticket.id) is not None


@on_fresh_state
def execute(store: Store, ticket: Ticket, market: Market | None, now: datetime) -> UUID:
    """Place the order of a ticket, once, and return its id: the same one whenever it was placed before.

    Raises `Impossible` when its time is over, the rules have changed since it was validated, or it buys while a panic
    of its user is in force.
    """
    if is_executed(store, ticket):
        return ticket.id
    ticket.check(market, now)
    if ticket.wish.side is Side.BUY and store.get(User, User.create_id(ticket.user)).panic is not None:
        raise Impossible("a panic is in force: lift it first", code="panic_in_force")
    with by_hand(ticket.user):
        order = Order.place(
            order_id=ticket.id,
            user=ticket.user,
            broker=ticket.broker,
            wish=ticket.wish,
            source=Source.MANUAL,
            requester=REQUESTER,
            client_order_id=wish_name(ticket.user, ticket.id, ticket.issued_at),
            not_after=now + SENDABLE_FOR,
            cause=None,
        )
        store.save(order, wished(order, store))
    return ticket.id
