"""Protecting: a person sets or moves the stop and the target of a position."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from application.commands import on_fresh_state
from application.people.brokers import broker_of
from application.people.users import by_hand
from application.ports.stores import Markets, Store
from application.trading.closing import position_of_user
from application.trading.positions import check_covers, listed, on_tick
from domain.amounts import check_positive
from domain.market import Market
from domain.orders.wish import HUNDRED_PERCENT, Protection, Source
from domain.refusals import Impossible, Invalid


@on_fresh_state
def protect(
    store: Store, markets: Markets, user: int, position_id: UUID, asked: Protection, seen: Protection, request: UUID,
    last: Decimal | None,
) -> None:  # fmt: skip
    """Want a stop and a target for all of a position; a price of None stays as it is. One `request` counts once.

    `seen` is the protection that its owner looked at, and `last` the last price (quote per base) where it is known. The
    former orders rest until the new ones do. Raises `NotFound` for another user's position, `Impossible` for one that
    is closed, of coins bought elsewhere, or protected otherwise since, and `Invalid` for prices that no position has.
    """
    position = position_of_user(store, user, position_id)
    if position.requests.knows(request):
        return
    if not position.is_open:
        raise Impossible(f"nothing is held of {position.symbol}", code="no_position")
    if position.owner == Source.EXTERNAL:
        raise Impossible("these coins were bought elsewhere", code="external_position")
    if (position.wanted or Protection()) != seen:
        raise Impossible("its stop or target has changed in the meantime", code="protection_changed")
    broker = broker_of(store, user, position.broker)
    market = listed(markets, broker, position.symbol)
    if market is None:
        raise Invalid(f"{position.symbol} is not known at this broker", code="symbol_unknown", field="symbol")
    wanted = _on_ticks(asked, market)
    _check_sides(wanted, last)
    with by_hand(user):
        position.want(wanted, HUNDRED_PERCENT, request, awaited=())
        check_covers(position, wanted, market, broker, field="stop_loss")
        store.save(position)


def _on_ticks(asked: Protection, market: Market) -> Protection:
    check_positive(stop_loss=asked.stop_loss, take_profit=asked.take_profit)
    rounded = dict[str, Decimal]()
    for name, price in (("stop_loss", asked.stop_loss), ("take_profit", asked.take_profit)):
        if price is not None:
            rounded[name] = on_tick(price, market, name)
    return Protection(**rounded)


def _check_sides(asked: Protection, last: Decimal | None) -> None:
    """Raise `Invalid` for a stop or a target that the price has passed already: it would sell at once."""
    if last is None:
        return
    if asked.stop_loss is not None and asked.stop_loss >= last:
        raise Invalid(f"the stop {asked.stop_loss} is not below {last}", code="stop_not_below", field="stop_loss")
    if asked.take_profit is not None and asked.take_profit <= last:
        raise Invalid(
            f"the target {asked.take_profit} is not above {last}", code="target_not_above", field="take_profit"
        )
