"""Closing: a person sells a position, or a part of it, whoever has bought it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from application.commands import on_fresh_state
from application.people.users import by_hand
from application.ports.stores import Reader, Store
from application.trading.decisions import AGE_OF_INSISTED
from application.trading.positions import INSISTED, wished
from domain.amounts import is_amount
from domain.orders.names import wish_name
from domain.orders.order import Order
from domain.orders.wish import HUNDRED_PERCENT, Side, Source, Type, Wish
from domain.refusals import Impossible, Invalid, NotFound
from domain.trading.position import Position


def position_of_user(store: Reader, user: int, position_id: UUID) -> Position:
    """Return a position of this user. Raises `NotFound` when it is another user's or does not exist."""
    position = store.find(Position, position_id)
    if position is None or position.user != user:
        raise NotFound("there is no such position")
    return position


@on_fresh_state
def close(store: Store, user: int, position_id: UUID, percent: Decimal, request: UUID, now: datetime) -> UUID:
    """Sell a share of a position at the market, and return the id of the order: one order for one `request`.

    Its stop and target go with the coins that they protect. Neither a doubt nor a halt holds the sale up: a person has
    looked. Raises `NotFound` for another user's position, `Impossible` for one that is closed, `Invalid` for a share
    that is not above 0 and at most 100 percent.
    """
    position = position_of_user(store, user, position_id)
    order_id = Order.id_for(position_id, f"close {request}")
    if store.find(Order, order_id) is not None:
        return order_id
    if not is_amount(percent) or not 0 < percent <= HUNDRED_PERCENT:
        raise Invalid(f"percent was {percent}", code="percent_out_of_range", field="percent")
    if not position.is_open:
        raise Impossible(f"nothing is held of {position.symbol}", code="no_position")
    with by_hand(user):
        order = exit_of(position, order_id, percent, INSISTED, now)
        store.save(order, wished(order, store))
    return order_id


def exit_of(position: Position, order_id: UUID, percent: Decimal, requester: str, now: datetime) -> Order:
    """Return the order that sells a share of a position at the market, not yet saved."""
    return Order.place(
        order_id=order_id,
        user=position.user,
        broker=position.broker,
        wish=Wish(position.symbol, Side.SELL, Type.MARKET, percent=percent),
        source=Source(position.owner),
        requester=requester,
        client_order_id=wish_name(position.user, order_id, now),
        not_after=now + AGE_OF_INSISTED,
        cause=None,
    )
