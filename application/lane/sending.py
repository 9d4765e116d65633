"""Sending: carrying out one broker's wishes, each at most once, in the order of the log for each market."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from uuid import UUID

from application.lane.attempts import Attempts
from application.lane.limits import reserve
from application.lane.lines import Lines
from application.lane.permissions import Permission, Permissions
from application.lane.sale import Sale, Sales
from application.lane.sizing import SpendingUnknown, size
from application.orders.agenda import Agenda, Task
from application.orders.lookups import PROOF_AFTER, LookUps
from application.orders.orders import Orders, as_gateway, request_id
from application.orders.turns import LIST, SINGLE, Rank
from application.ports.errors import ExchangeError, RefusedByExchange
from application.protection.legs import Legs
from application.trading.positions import (
    INSISTED,
    ONCE_MORE,
    PANIC,
    REST,
    TURNED,
    UNHINDERED,
    WRONG_SIDE,
    follow_up,
    is_sent_once_more,
    position_id_of,
)
from application.trading.sizing import AFTER_FEE, Sized
from domain.aggregate import Aggregate
from domain.amounts import ZERO
from domain.market import Market, too_small
from domain.orders.order import PROTECTION, Order
from domain.orders.order_status import LIVE, Status
from domain.orders.wish import Side, Source
from domain.people.broker import Limits, Usage
from domain.people.user import User
from domain.refusals import Impossible, Invalid, NotFound
from domain.trading.position import Position
from domain.webhooks.webhook import Webhook

AUTOMATIC = {Source.WEBHOOK: Usage.WEBHOOKS, Source.STRATEGY: Usage.STRATEGIES}
"""The usage that a broker needs for automatic orders, by their source."""
COUNTING_SECONDS = 0.02
"""Seconds between two looks at a wish that waits for the engine: to count fills, or to place the order."""
LONGEST_WAIT = 1.0
"""The most seconds between two looks at a wish that waits for room: counts are given back, and wishes grow stale."""


class NotYet(Exception):
    """A wish has to wait for this many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not for {seconds} s")
        self.seconds = seconds


class Sending:
    """The sending of one broker's wishes: it makes every check first, then takes legs off as late as possible."""

    def __init__(self, orders: Orders, look_ups: LookUps, legs: Legs, agenda: Agenda) -> None:
        self._account, self._orders = orders.account, orders
        self._sales = Sales(orders, legs, agenda)
        self._agenda = agenda
        self._permissions = Permissions(orders.store)
        self._lines = Lines()
        self._lags: Counter[UUID] = Counter()
        """The number of times that the coins of each sale were missing although they had just moved."""
        self._turning: dict[UUID, UUID] = {}
        """The webhooks of the orders that are expected after one on the wrong side, by the ids that they will have."""
        self._attempts = Attempts(orders, look_ups, legs, agenda)

    async def send(self, order_id: UUID) -> None:
        """Carry out a wish, or refuse it with a reason. Put it back on the agenda while it only has to wait."""
        try:
            order = await self._orders.load(order_id)
        except NotFound:
            if self._lines.awaits(order_id, self._account.clock()) and await self._may_come(order_id):
                self._agenda.put(Task.SEND, order_id, after=COUNTING_SECONDS)
            else:
                self._next_after(order_id)
            return
        if order.status is Status.PLACED:
            if not self._lines.join(order) and not self._is_stale(order):
                self._wake_when_stale(order)
                return
            wait = await self._carry_out(order)
            if wait is not None:
                self._agenda.put(Task.SEND, order_id, after=wait)
                return
        if order.wish.side is Side.SELL or order.wish.holding is not None:
            await self._keep_place(await self._orders.load(order_id))
        self._next_after(order_id)

    async def _may_come(self, order_id: UUID) -> bool:
        """Return False when an order of the other side will not come any more: its webhook has ended without it."""
        cause = self._turning.get(order_id)
        webhook = None if cause is None else await asyncio.to_thread(self._orders.store.find, Webhook, cause)
        return webhook is None or webhook.is_under_way

    async def _keep_place(self, order: Order) -> None:
        """Keep the place behind an order for the one that goes on with it.

        That is the rest of a sale, its second try, or an order of the other side for what is to be held.
        """
        if order.status is Status.REFUSED and order.reason in WRONG_SIDE and order.cause is not None:
            turned = Order.id_for(order.cause, TURNED)
            if turned != order.id:
                self._turning[turned] = order.cause
                self._lines.follow(order, turned, self._account.clock())
            return
        if order.wish.side is Side.BUY:
            return
        rest, again = (Order.id_for(order.id, leg) for leg in (REST, ONCE_MORE))
        if await asyncio.to_thread(self._orders.store.find, Order, rest) is not None:
            self._lines.follow(order, rest, self._account.clock())
        if is_sent_once_more(order):
            self._lines.follow(order, again, self._account.clock())

    def _next_after(self, order_id: UUID) -> None:
        self._lags.pop(order_id, None)
        self._turning.pop(order_id, None)
        following = self._lines.leave(order_id)
        if following is not None:
            self._agenda.put(Task.SEND, following)

    def remember(self, order: Order) -> None:
        """Hold room for the protection of an unfilled, live buy that another process sent."""
        market = self._account.markets.get(order.wish.symbol)
        if order.wish.side is Side.BUY and order.status in LIVE and not order.filled and market is not None:
            self._account.turns.hold(order.id, _cost_of_protection(order, market))

    def _is_stale(self, order: Order) -> bool:
        return order.not_after is not None and self._account.clock() > order.not_after

    def _wake_when_stale(self, order: Order) -> None:
        """Look again at a wish when it is stale. Until its turn comes, only its age can end it."""
        if order.not_after is not None:
            left = (order.not_after - self._account.clock()).total_seconds()
            self._agenda.put(Task.SEND, order.id, after=max(left, 0.0) + COUNTING_SECONDS)

    async def _carry_out(self, order: Order) -> float | None:
        """Carry out a wish whose turn it is; return the seconds until the next look, None when it needs none."""
        account = self._account
        try:
            sale, sized, besides = await self._prepare(order)
        except NotYet as not_yet:
            return not_yet.seconds
        except (Impossible, Invalid, RefusedByExchange) as refused:
            code, detail = refused.code, str(refused)
            await self._orders.say(order.id, lambda o: o.refuse(code, detail))
            return None
        except (ExchangeError, SpendingUnknown) as error:
            account.log.warning("not_sent_yet", request_id=request_id(order), error=str(error) or type(error).__name__)
            return COUNTING_SECONDS if getattr(error, "code", "") == "not_counted" else LONGEST_WAIT
        if order.wish.side is Side.BUY:
            account.turns.hold(order.id, _cost_of_protection(order, account.markets[order.wish.symbol]))
        return await self._attempts.send(order, sale, sized, besides)

    async def _prepare(self, order: Order) -> tuple[Sale, Sized, list[Aggregate]]:
        """Check and size an order. Return its sale, its size, and the aggregates to save together with its intent.

        Raises `NotYet` when it has to wait, `Impossible`, `Invalid` or `RefusedByExchange` when it must not be sent,
        and any other `ExchangeError` or `SpendingUnknown` when that cannot be told yet.
        """
        account = self._account
        limits = await self._check_may_be_sent(order)
        if self._doubt_stands_before(order):
            raise NotYet(LONGEST_WAIT)
        market = account.markets[order.wish.symbol]
        if wait := self._wait_for_turn(order, market):
            raise NotYet(min(wait, LONGEST_WAIT))
        if order.wish.side is Side.BUY and await self._sales.forgotten(market.base):
            raise NotYet(COUNTING_SECONDS)
        sale = await self._sales.of(order)
        sized = await self._sized(order, market, sale)
        await self._check_protectable(order, market, sized)
        spending = None if order.requester == PROTECTION else await reserve(self._orders, order, sized.request, limits)
        await self._check_may_be_sent(order)  # again: the questions took time, and permission may have been withdrawn
        besides: list[Aggregate] = [spending] if spending is not None else []
        if sized.rest:
            besides += await self._leave_rest(order, sized)
        return sale, sized, besides

    async def _sized(self, order: Order, market: Market, sale: Sale) -> Sized:
        """Size the order. Raises `NotYet` while coins of a sale that have just moved may be counted late."""
        currency = market.spends(order.wish.side)
        try:
            sized = await size(order, market, self._orders, sale)
        except Invalid as refused:
            if refused.code == "insufficient_funds" and order.wish.side is Side.SELL:
                self._wait_for_coins(order, currency)
            raise
        if sale.held is not None and sized.free < sale.held:
            self._wait_for_coins(order, currency)
        return sized

    def _wait_for_coins(self, order: Order, currency: str) -> None:
        """Raise `NotYet` while the missing coins may have moved so recently that the exchange does not count them."""
        pause = self._account.movements.pause(currency, self._lags[order.id])
        self._lags[order.id] += 1
        if pause is not None:
            raise NotYet(pause)

    # --- reasons to wait or to refuse --------------------------------------------------------------------------

    def _doubt_stands_before(self, order: Order) -> bool:
        """Return True while a wish has to wait for an order in doubt on its symbol.

        Protection and insisted exits never wait.
        """
        return order.requester not in UNHINDERED and self._orders.doubts.about(order.wish.symbol)

    def _may_be_proven(self, order: Order) -> bool:
        """Return True while a doubt on the symbol is young enough to be settled by proof.

        Exits wait that long; after that their owner decides.
        """
        return self._orders.doubts.about(order.wish.symbol, self._account.clock() - PROOF_AFTER)

    async def _check_may_be_sent(self, order: Order) -> Limits:
        """Return the broker's limits. For protection, which needs no permission, they are empty.

        Raises `Impossible` with the reason why the order must not be sent, or no longer.
        """
        reason, limits = self._reason_not_to_send(order), Limits()
        if reason is None and order.requester != PROTECTION:
            permission = await self._permissions.of(self._account.broker.id, User.create_id(order.user))
            permission = replace(permission, is_trading=permission.is_trading and not self._account.halted)
            reason, limits = _reason_of_the_broker(order, permission), permission.limits
        if reason is not None:
            raise Impossible(reason, code=reason)
        return limits

    def _reason_not_to_send(self, order: Order) -> str | None:
        if self._is_stale(order):
            return "stale"
        if order.cancel_requested:
            return "cancelled_before_sending"
        if order.wish.symbol not in self._account.markets:
            return "symbol_unknown"
        if order.wish.side is Side.SELL and self._doubt_stands_before(order) and not self._may_be_proven(order):
            return "exit_in_doubt"
        return None

    def _wait_for_turn(self, order: Order, market: Market) -> float:
        """Return the seconds until the account has room for this order, for an entry with its protection; 0 for now."""
        if order.wish.side is Side.BUY:
            return self._account.turns.wait(Rank.ENTRY, SINGLE + _cost_of_protection(order, market), order.id)
        return self._account.turns.wait(Rank.RESCUE if order.requester == PROTECTION else Rank.EXIT, SINGLE)

    async def _check_protectable(self, order: Order, market: Market, sized: Sized) -> None:
        """Raise `Invalid` when the coins of an entry would be too few for the protection that it brings.

        They could be bought, but not protected, and perhaps not even sold.
        """
        protection, request = order.wish.protection, sized.request
        if protection is None:
            return
        bought = request.quantity if request.quantity is not None else (request.cost or ZERO) / sized.price
        position = await asyncio.to_thread(self._position_of, order)
        held = position.held if position is not None and position.is_open else ZERO
        quantity = market.round_quantity(held + bought * AFTER_FEE)
        if (detail := too_small(quantity, protection, market, self._account.broker.stop_style)) is not None:
            raise Invalid(detail, code="too_small_to_protect", field="quantity")

    def _position_of(self, order: Order) -> Position | None:
        store = self._orders.store
        return store.find(Position, position_id_of(order, store))

    # --- sales too large for one order ---------------------------------------------------------------------------

    async def _leave_rest(self, order: Order, sized: Sized) -> list[Aggregate]:
        """Return the follow-up order for the rest of a sale, to be saved in the commit of the first one's intent.

        Its position, if there is one, is returned with it. Return nothing when an earlier attempt has placed it.
        """
        with as_gateway(order):
            rest = follow_up(order, REST, order.wish.of(sized.rest))
        if await asyncio.to_thread(self._orders.store.find, Order, rest.id) is not None:
            return []  # placed with an earlier attempt, which the exchange did not take
        position = await asyncio.to_thread(self._position_of, order)
        if position is None:
            return [rest]
        position.leave(rest.id)
        return [rest, position]


def _reason_of_the_broker(order: Order, permission: Permission) -> str | None:
    if permission.removed or permission.usage is Usage.OFF:
        return "broker_removed" if permission.removed else "broker_off"
    if order.requester == PANIC:
        return None if permission.in_panic else "panic_lifted"
    if order.source is Source.MANUAL or order.requester == INSISTED:
        return None
    if not permission.is_trading:
        return "paused"
    wanted = AUTOMATIC[order.source]
    return None if permission.usage is wanted else f"broker_not_for_{wanted}"


def _cost_of_protection(order: Order, market: Market) -> int:
    """Return the number of new orders that the protection of an entry takes."""
    protection = order.wish.protection
    if protection is None:
        return 0
    both = protection.stop_loss is not None and protection.take_profit is not None
    return LIST if both and market.lists else SINGLE
