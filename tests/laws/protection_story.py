"""A story of protection: prices, trades, faults and changed rules, watched at every moment for coins without a stop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import ROUND_CEILING, Decimal

from hypothesis import note
from hypothesis.errors import InvalidArgument

from adapters.paper import filters
from adapters.paper.faults import TOO_MANY, Fault
from adapters.paper.orders import PaperOrder, Refused
from domain.amounts import ZERO
from domain.orders.order import PROTECTION
from domain.orders.wish import Type
from domain.webhooks.webhook import WebhookStatus
from tests.laws.protection_cases import (
    BARE_FOR,
    CALM,
    LOOK,
    LOST,
    NO_REFUSALS,
    PAIR,
    SILENT,
    SOLD_WITHIN,
    START,
    SYMBOL,
    TELLING,
    TOLD_WITHIN,
    VALID_FOR,
    rule_changes,
)
from tests.laws.simulated_time import SimulatedLoop, run
from tests.laws.simulated_trading import Platform


class Story:
    """One story: its actions, and the checks that the law holds."""

    def __init__(self, rules, style, exchange="binance", *, lock_coins=False):
        self.rules, self.at = rules, exchange
        self.loop = SimulatedLoop()
        self.platform = Platform(self.loop, {SYMBOL: START}, {"USDT": "10000"}, style=style, exchange=exchange)
        self.paper = self.platform.paper
        self.paper.plans.lock_coins = lock_coins
        self.change_rules(rules)
        self.bare_since = self.passed_since = None
        self.forced_at = self.lost_at = -100.0
        self.changed_at = 0.0
        self.left = 0
        self.stopped_trade = None
        """The id of the position whose wanted stop has rested."""

    def change_rules(self, rules):
        self.paper.markets.change(self.at, PAIR, **rule_changes(rules))

    async def told_by(self, told):
        await self.platform.begin()
        watching = self.loop.create_task(self.watch())
        for pause, act in told:
            getattr(self, f"do_{act[0]}")(*act[1:])
            await asyncio.sleep(pause)
            if watching.done():
                watching.result()
        self.paper.faults.pending.clear()
        for _ in range(CALM):
            await asyncio.sleep(1)
            if watching.done():
                watching.result()
        watching.cancel()
        self.platform.check_alive()
        self.ends_well()

    # --- actions -------------------------------------------------------------------------------------------------

    def do_price(self, level):
        self.paper.prices.hold(SYMBOL, Decimal(level) * START)

    def do_buy(self, share, stop, target):
        self.platform.alert("BuyMarket", PourCent=share, **self.prices(stop, target))

    def do_move(self, stop, target, share):
        self.platform.alert("MAJ", PourCent=share, **self.prices(stop, target))

    def do_sell(self, share):
        self.platform.alert("SellMarket", PourCent=share)

    def do_rest(self, share, level):
        self.platform.alert("SellLimit", PourCent=share, Prix=Decimal(level) * START)

    def do_part(self, share):
        """Execute a part of the first resting limit sell, such as a target."""
        for order in self.platform.resting():
            if order.type == "limit":
                part = ((order.quantity - order.filled) * Decimal(share)) // PAIR.step * PAIR.step
                if part:
                    self.paper.ledger.execute(order, part, order.price, maker=True)
                return

    def do_fault(self, fault):
        kind, when, (code, message), number, kinds = fault
        seconds, times = (number, 1) if kind == TOO_MANY else (1, number)
        self.paper.faults.add(Fault(when, kind, times, seconds, SYMBOL, kinds, code, message))

    def do_rules(self, rules):
        self.change_rules(rules)
        self.changed_at = self.loop.time()

    def prices(self, stop, target):
        named = {"PrixSL": stop, "PrixTP": target}
        return {name: Decimal(level) * START for name, level in named.items() if level is not None}

    # --- checks during the story ---------------------------------------------------------------------------------

    async def watch(self):
        while True:
            self.look()
            await asyncio.sleep(LOOK)

    def need(self):
        """Return the quantity that must be under a stop (base), or None when no stop is required."""
        position, rules = self.platform.position(), self.paper.markets.rules(self.at, PAIR)
        if position is None or not position.is_open or position.wanted is None or position.wanted.stop_loss is None:
            return None
        selling = sum((o.quantity - o.filled for o in self.platform.resting() if not _is_leg(o)), ZERO)
        need = min(position.covered, position.held - selling) // rules.step * rules.step
        least = self.least_notional()
        if need < rules.number("LOT_SIZE", "minQty") or need * self.platform.price() < least:
            return None
        return need, position

    def stopped(self):
        """Return the quantity under stops (base): those that rest, those that wait on their right side of the price.

        What a plan order has become rests as a limit order.
        """
        legs = [o for o in self.platform.resting() if o.type.startswith("stop_loss") or _was_plan(o)]
        plans = [plan for plan in self.platform.waiting() if not plan.above]
        return sum((o.quantity - o.filled for o in legs), ZERO) + sum((plan.quantity for plan in plans), ZERO)

    def is_allowed(self, need, position, *, sale=False):
        """Return True when the exchange would now take a stop (or, with `sale`, a market sale) for `need`."""
        rules, last = self.paper.markets.rules(self.at, PAIR), self.platform.price()
        stop = position.wanted.stop_loss
        kinds = (
            [("market", None, None)]
            if sale
            else [("stop_loss", stop, None), ("stop_loss_limit", stop, stop * Decimal("0.995"))]
        )
        if not sale and last <= stop:
            return False
        if self.at == "bitget" and not sale:
            return True
        others = [o for o in self.platform.resting() if not _is_leg(o)]
        for kind, trigger, limit in kinds:
            if kind.upper() not in rules.order_types:
                continue
            most = min(rules.number("MARKET_LOT_SIZE", "maxQty"), rules.number("LOT_SIZE", "maxQty"))
            parts = 1 if limit is not None else int((need / most).to_integral_value(ROUND_CEILING))
            each = need / parts // rules.step * rules.step
            price = None if limit is None else limit // rules.tick * rules.tick
            orders = [
                PaperOrder(
                    0, self.platform.ledger_account, PAIR, "", "sell", kind, each, ZERO, price, "GTC", 0,
                    stop_price=trigger, triggered=sale,
                )
                for _ in range(parts)
            ]  # fmt: skip
            try:
                filters.check(orders[0], rules, last)
                # Parts of a sale never rest together.
                filters.check_room(orders[:1] if sale else orders, others, rules)
            except Refused:
                continue
            if parts == 1 or sale or parts < rules.number("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders"):
                return True
        return False

    def note_force(self, need, position):
        """Note when a fault last struck or stood, which is the exchange's doing, and when a message was last lost."""
        now, pending = self.loop.time(), self.paper.faults.pending
        left = sum(fault.times for fault in pending if fault.kind != TOO_MANY)
        lost = sum(fault.times for fault in pending if fault.kind in LOST)
        if left < self.left or self.paper.faults.standing(TOO_MANY, self.at, SYMBOL) is not None:
            self.forced_at = now
        if lost < getattr(self, "left_lost", 0):
            self.lost_at = now
        self.left, self.left_lost = left, lost

    def is_told(self, since, position):
        """Return True when the owner has been told since then, or knew before."""
        if position.lost not in SILENT:
            return True
        moment = self.loop.clock().timestamp() - self.loop.time() + since
        return any(event.timestamp.timestamp() >= moment - LOOK for event in self.platform.told(*TELLING))

    def check_stop_is_kept(self):
        """Check that a wanted stop that has rested ends by its own sale or with its trade, even if the log drops it.

        It also ends when its target has sold everything that it covered.
        """
        position = self.platform.position()
        if position is None or not position.is_open:
            return
        stopped = position.wanted is not None and position.wanted.stop_loss is not None
        if stopped and position.resting and not position.is_asked:
            self.stopped_trade = position.id
        if stopped or self.stopped_trade != position.id:
            return
        legs = [o for o in self.platform.books.orders() if (o.requester, o.cause) == (PROTECTION, position.id)]
        is_done = position.lost == "carried_out" and position.covered < PAIR.step
        sold = (o.filled for o in legs if is_done or o.wish.type is not Type.LIMIT)
        assert any(sold), "a stop that sold nothing is gone"

    def look(self):
        self.platform.check_alive()
        self.check_stop_is_kept()
        now, found = self.loop.time(), self.need()
        self.note_force(*(found or (None, None)))
        if found is None or self.stopped() >= found[0]:
            self.covered(now)
            self.bare_since = self.passed_since = None
            return
        need, position = found
        self.bare_since = now if self.bare_since is None else self.bare_since
        self.bare_position = position
        if not self.is_allowed(need, position):
            self.forbidden_at = now
        if now - self.bare_since > TOLD_WITHIN:
            assert self.is_told(self.bare_since, position), f"bare for {now - self.bare_since:.1f} s and nobody told"
        passed = self.platform.price() <= position.wanted.stop_loss and self.is_allowed(need, position, sale=True)
        self.passed_since = (now if self.passed_since is None else self.passed_since) if passed else None
        if self.passed_since is None:
            return
        struck = self.forced_at >= self.passed_since
        since = max(self.passed_since, self.forced_at, self.lost_at + VALID_FOR)
        if now - since > SOLD_WITHIN and not (struck and self.is_told(self.passed_since, position)):
            raise AssertionError(f"the stop is passed since {self.passed_since:.1f} and {need} not sold")

    forbidden_at = -100.0

    def covered(self, now):
        """Check that the time without a stop, now over, was short or that the owner was told in time."""
        if self.bare_since is None:
            return
        since = max(self.bare_since, self.forced_at, self.forbidden_at, self.changed_at)
        if now - since > BARE_FOR:
            assert self.is_told(self.bare_since, self.bare_position), f"bare for {now - since:.1f} s, nobody told"

    # --- checks at the end ---------------------------------------------------------------------------------------

    def ends_well(self):
        """Check, when all is calm, that the wanted protection rests or that its absence is told."""
        found, position = self.need(), self.platform.position()
        for webhook in self.platform.books.webhooks():
            if position is not None and webhook.id == position.request and self.may_wait(position):
                continue
            assert webhook.reason not in NO_REFUSALS, f"a webhook ended as {webhook.reason}"
            assert webhook.status not in {WebhookStatus.RECEIVED, WebhookStatus.TAKEN}, "a webhook never ended"
        legs = [*(o for o in self.platform.resting() if _is_leg(o)), *self.platform.waiting()]
        if position is None or not position.is_open:
            assert not legs, "what rests protects nothing"
            return
        if found is None:
            return
        need, _ = found
        told = position.lost not in SILENT
        assert self.stopped() >= need or told, f"{self.stopped()} of {need} under a stop, told: {position.lost}"
        if position.wanted.take_profit is not None and self.could_rest(position):
            rests = any(o.type == "limit" and not _was_plan(o) for o in legs)
            assert rests or position.target_watched or told, "a target neither rests nor is watched"

    def could_rest(self, position):
        """Return True when the target's part is large enough for an order of its own."""
        rules = self.paper.markets.rules(self.at, PAIR)
        part = position.cover.target_quantity // rules.step * rules.step
        worth = part * (position.wanted.stop_loss or position.wanted.take_profit) * Decimal("0.995")
        return part >= rules.number("LOT_SIZE", "minQty") and worth >= self.least_notional()

    def least_notional(self):
        """Return the larger minimum (quote): the exchange's own, or the one the platform knows, up to an hour old."""
        known = self.platform.account.markets[SYMBOL].minimum_notional
        return max(self.paper.markets.rules(self.at, PAIR).number("NOTIONAL", "minNotional"), known)

    def may_wait(self, position):
        """Return True when a move may wait, because all coins are in a resting exit."""
        return position.lost == "in_exit"

    def retold(self):
        """Return the story as lines from the log and from the lane, in the sequence of time."""
        events = [
            (
                f"{(e.timestamp - self.loop.clock()).total_seconds() + self.loop.time():8.2f}",
                type(e).__qualname__,
                _facts(e),
            )
            for e in self.platform.books.log
        ]
        lines = [
            f"{at} {name} {facts}" for at, name, facts in events if not name.startswith(("Reconciliation", "User"))
        ]
        lines += [
            f"{at:8.2f} lane: {event} {values}" for at, event, values in self.platform.log.said if "Phase" not in event
        ]
        return "\n".join(sorted(lines))


def _facts(event):
    names = (
        "reason",
        "detail",
        "cause",
        "facts",
        "protection",
        "quantity",
        "wanted",
        "held",
        "takes_off",
        "covered",
        "kept",
    )
    told = {name: getattr(event, name) for name in names if getattr(event, name, None) is not None}
    if type(event).__qualname__ == "Order.Placed":
        wish = event.wish
        told = {
            "wish": f"{wish.side} {wish.type} {wish.quantity or wish.percent} @{wish.stop_price or wish.price}",
            "by": event.requester,
        }
    return f"{str(event.originator_id)[:8]} {told}"


def _is_leg(order):
    return "_P_" in order.client_order_id or _was_plan(order)


def _was_plan(order):
    return order.client_order_id.startswith("plan")


def told(rules, style, steps, exchange="binance", **more):
    story = Story(rules, style, exchange, **more)
    try:
        run(story.told_by(steps), story.loop)
    except BaseException:
        with suppress(InvalidArgument):
            note(story.retold())
        raise
    return story
