"""The law of protection: whatever an exchange forbids, refuses or loses, coins have a stop, are sold or are reported.

Each story runs one market in simulated time, with random rules, faults, partial fills, moves of the protection, partial
sales and prices. The wanted protection is read from the log, the resting orders from the exchange's own books. The log
alone is not trusted to keep wanting a stop until that stop has sold: this is checked separately.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from adapters.paper import filters
from adapters.paper.faults import TOO_MANY, Fault
from adapters.paper.orders import PaperOrder, Refused
from adapters.paper.prices import PAIRS
from domain.alert import Cause
from domain.amounts import ZERO
from domain.orders.order import PROTECTION
from domain.orders.wish import Type
from domain.people.broker import StopStyle
from domain.webhooks.webhook import WebhookStatus
from tests.laws.simulated_time import SimulatedLoop, run
from tests.laws.simulated_trading import Platform

SYMBOL, PAIR, START = "BTC/USDT", PAIRS["BTC/USDT"], Decimal(50000)
BARE_FOR, TOLD_WITHIN, SOLD_WITHIN, VALID_FOR = 3.0, 10.0, 5.0, 7.0
"""Limits in seconds: without a stop although one is allowed; until the owner is told; until a passed stop is sold; and
how long an unanswered request may still be carried out."""
LOOK, CALM = 0.1, 120
NO_REFUSALS = frozenset({"too_many_orders", "rate_limited", "clock_skewed"})
"""The reasons for which no webhook may end: the platform waits out a limit or a clock error."""
SILENT = frozenset({None, "not_protectable", "in_exit", "carried_out"})
TELLING = (
    Cause.POSITION_UNPROTECTED, Cause.EXIT_REJECTED, Cause.EXIT_STALE, Cause.ORDER_UNKNOWN, Cause.DOUBT_LASTS,
)  # fmt: skip
REFUSALS = [
    (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"), (-1013, "Filter failure: MAX_NUM_ALGO_ORDERS"),
    (-1013, "Filter failure: MARKET_LOT_SIZE"), (-1013, "Filter failure: NOTIONAL"),
    (-1111, "Precision is over the maximum defined for this asset."),
    (-2010, "Account has insufficient balance for requested action."),
    (-2010, "Stop loss orders are not supported for this symbol."), (-2010, "This action is disabled on this account."),
]  # fmt: skip
LOST = frozenset({"lose_answer", "lose_request", "status_500"})

# --- stories -----------------------------------------------------------------------------------------------------

ALL_TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT")
lacking = st.sampled_from(
    [(), (), ("STOP_LOSS",), ("STOP_LOSS_LIMIT",), ("LIMIT_MAKER",), ("STOP_LOSS", "STOP_LOSS_LIMIT")]
)
bands = st.sampled_from([None, None, ("1.05", "0.95"), ("1.2", "0.8"), ("1.05", "0.998")])
markets = st.fixed_dictionaries(
    {
        "lacking": lacking, "band": bands, "lists": st.booleans(), "replaces": st.booleans(),
        "lot": st.sampled_from([None, None, "0.03", "0.05"]), "notional": st.sampled_from(["5", "90", "400"]),
        "most": st.sampled_from([200, 200, 9, 4, 1]), "algo": st.sampled_from([100, 5, 3, 1]),
        "most_lists": st.sampled_from([100, 1]),
    }
)  # fmt: skip
levels = st.sampled_from(["0.89", "0.94", "0.69", "0.97", "1", "1.03", "1.12"])
stops, targets = st.sampled_from(["0.95", "0.9", "0.7"]), st.sampled_from(["1.02", "1.1", "1.5"])
shares = st.sampled_from([100, 50, 10, 1])
faults = st.one_of(
    st.tuples(
        st.just("refuse"), st.just("place_order"), st.sampled_from(REFUSALS), st.sampled_from([1, 30]),
        st.just("STOP_LOSS"),
    ),
    st.tuples(
        st.just("refuse"), st.sampled_from(["place_order", "place_order", "cancel_order"]),
        st.sampled_from(REFUSALS), st.sampled_from([1, 2, 30]), st.sampled_from(["", "MARKET", "LIMIT_MAKER"]),
    ),
    st.tuples(
        st.sampled_from(["clock_refused", "lose_answer", "lose_request", "status_429", "insufficient"]),
        st.just("place_order"), st.just((0, "")), st.sampled_from([1, 1, 3]), st.just(""),
    ),
    st.tuples(
        st.sampled_from(["clock_refused", "lose_answer", "lose_request"]),
        st.just("cancel_order"), st.just((0, "")), st.sampled_from([1, 1, 3]), st.just(""),
    ),
    st.tuples(
        st.just(TOO_MANY), st.just("place_order"), st.just((0, "")), st.sampled_from([2, 8, 25]), st.just(""),
    ),
    st.tuples(
        st.just("partial_fill"), st.just("place_order"), st.just((0, "")), st.just(1), st.just("MARKET"),
    ),
)  # fmt: skip
acts = st.one_of(
    st.tuples(st.just("price"), levels),
    st.tuples(st.just("price"), levels),
    st.tuples(st.just("fault"), faults),
    st.tuples(st.just("fault"), faults),
    st.tuples(st.just("move"), st.none() | stops, st.none() | targets, shares),
    st.tuples(st.just("sell"), shares),
    st.tuples(st.just("rest"), shares, targets),
    st.tuples(st.just("buy"), shares, st.none() | stops, st.none() | targets),
    st.tuples(st.just("part"), st.sampled_from(["0.1", "0.5", "0.97"])),
    st.tuples(st.just("rules"), markets),
)
steps = st.lists(st.tuples(st.sampled_from([0.05, 0.01, 0.3, 1, 3, 12, 70]), acts), max_size=7)


def rule_changes(chosen):
    """Return the chosen rules as changes to the paper exchange's market."""
    up, down = chosen["band"] or (None, None)
    return {
        "order_types": [kind for kind in ALL_TYPES if kind not in chosen["lacking"]],
        "oco_allowed": chosen["lists"], "cancel_replace_allowed": chosen["replaces"],
        "filters": {
            "PERCENT_PRICE_BY_SIDE": {"askMultiplierUp": up, "askMultiplierDown": down},
            "MARKET_LOT_SIZE": {"maxQty": chosen["lot"] or "9000000"},
            "NOTIONAL": {"minNotional": chosen["notional"]},
            "MAX_NUM_ORDERS": {"maxNumOrders": chosen["most"]},
            "MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": chosen["algo"]},
            "MAX_NUM_ORDER_LISTS": {"maxNumOrderLists": chosen["most_lists"]},
        },
    }  # fmt: skip


class Story:
    """One story: its actions, and the checks that the law holds."""

    def __init__(self, rules, style):
        self.rules = rules
        self.loop = SimulatedLoop()
        self.platform = Platform(self.loop, {SYMBOL: START}, {"USDT": "10000"}, style=style)
        self.paper = self.platform.paper
        self.change_rules(rules)
        self.bare_since = self.passed_since = None
        self.forced_at = self.lost_at = -100.0
        self.changed_at = 0.0
        self.left = 0
        self.stopped_trade = None
        """The id of the position whose wanted stop has rested."""

    def change_rules(self, rules):
        self.paper.markets.change("binance", PAIR, **rule_changes(rules))

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
        position, rules = self.platform.position(), self.paper.markets.rules("binance", PAIR)
        if position is None or not position.is_open or position.wanted is None or position.wanted.stop_loss is None:
            return None
        selling = sum((o.quantity - o.filled for o in self.platform.resting() if "_P_" not in o.client_order_id), ZERO)
        need = min(position.covered, position.held - selling) // rules.step * rules.step
        least = self.least_notional()
        if need < rules.number("LOT_SIZE", "minQty") or need * self.platform.price() < least:
            return None
        return need, position

    def stopped(self):
        """Return the quantity under resting stops (base)."""
        legs = [o for o in self.platform.resting() if o.type.startswith("stop_loss")]
        return sum((o.quantity - o.filled for o in legs), ZERO)

    def is_allowed(self, need, position, *, sale=False):
        """Return True when the exchange would now take a stop (or, with `sale`, a market sale) for `need`."""
        rules, last = self.paper.markets.rules("binance", PAIR), self.platform.price()
        stop = position.wanted.stop_loss
        kinds = (
            [("market", None, None)]
            if sale
            else [("stop_loss", stop, None), ("stop_loss_limit", stop, stop * Decimal("0.995"))]
        )
        if not sale and last <= stop:
            return False
        others = [o for o in self.platform.resting() if "_P_" not in o.client_order_id]
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
        if left < self.left or self.paper.faults.standing(TOO_MANY, SYMBOL) is not None:
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
        """Check that a wanted stop that has rested ends by its own sale or with its trade, even if the log drops it."""
        position = self.platform.position()
        if position is None or not position.is_open:
            return
        stopped = position.wanted is not None and position.wanted.stop_loss is not None
        if stopped and position.resting and not position.is_asked:
            self.stopped_trade = position.id
        if stopped or self.stopped_trade != position.id:
            return
        sold = (o for o in self.platform.books.orders() if (o.requester, o.cause) == (PROTECTION, position.id))
        assert any(o.filled for o in sold if o.wish.type is not Type.LIMIT), "a stop that sold nothing is gone"

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
        legs = [o for o in self.platform.resting() if "_P_" in o.client_order_id]
        if position is None or not position.is_open:
            assert not legs, "what rests protects nothing"
            return
        if found is None:
            return
        need, _ = found
        told = position.lost not in SILENT
        assert self.stopped() >= need or told, f"{self.stopped()} of {need} under a stop, told: {position.lost}"
        if position.wanted.take_profit is not None and self.could_rest(position):
            rests = any(o.type == "limit" for o in legs)
            assert rests or position.target_watched or told, "a target neither rests nor is watched"

    def could_rest(self, position):
        """Return True when the target's part is large enough for an order of its own."""
        rules = self.paper.markets.rules("binance", PAIR)
        part = position.cover.target_quantity // rules.step * rules.step
        worth = part * (position.wanted.stop_loss or position.wanted.take_profit) * Decimal("0.995")
        return part >= rules.number("LOT_SIZE", "minQty") and worth >= self.least_notional()

    def least_notional(self):
        """Return the larger minimum (quote): the exchange's own, or the one the platform knows, up to an hour old."""
        known = self.platform.account.markets[SYMBOL].minimum_notional
        return max(self.paper.markets.rules("binance", PAIR).number("NOTIONAL", "minNotional"), known)

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


def told(rules, style, steps):
    story = Story(rules, style)
    try:
        run(story.told_by(steps), story.loop)
    except BaseException:
        with suppress(InvalidArgument):
            note(story.retold())
        raise
    return story


PLAIN = {
    "lacking": (), "band": None, "lists": True, "replaces": True, "lot": None, "notional": "5", "most": 200,
    "algo": 100, "most_lists": 100,
}  # fmt: skip


@settings(max_examples=max(120, settings.default.max_examples), suppress_health_check=[HealthCheck.too_slow])
@given(
    rules=st.just(PLAIN) | markets,
    style=st.sampled_from([StopStyle.MARKET, StopStyle.MARKET, StopStyle.LIMIT]),
    before=st.none() | faults,
    first=st.tuples(st.just("buy"), shares, stops, st.none() | targets),
    pause=st.sampled_from([0.3, 0.05, 3]),
    rest=steps,
)
def test_coins_have_a_stop_or_are_sold_or_are_told_of(rules, style, before, first, pause, rest):
    opening = [(pause, first)] if before is None else [(0.0, ("fault", before)), (pause, first)]
    told(rules, style, [*opening, *rest])


@pytest.mark.parametrize(("target", "kind"), [(None, "STOP_LOSS"), ("1.1", "LIMIT_MAKER")])
def test_a_stop_whose_request_was_lost_is_carried_out_when_its_price_is_passed(target, kind):
    lost = ("lose_request", "place_order", (0, ""), 1, kind)
    steps = [(0.0, ("fault", lost)), (1, ("buy", 50, "0.9", target)), (3, ("price", "0.89"))]
    told(PLAIN, StopStyle.MARKET, steps)


def test_an_exit_is_sold_although_its_stop_takes_the_last_place():
    story = told({**PLAIN, "most": 1}, StopStyle.MARKET, [(1, BUY), (3, ("sell", 100))])
    assert not story.platform.position().is_open


def test_a_stop_that_takes_the_last_place_is_moved():
    steps = [(1, BUY), (3, ("move", "0.95", None, 100))]
    story = told({**PLAIN, "algo": 1}, StopStyle.MARKET, steps)
    assert [o.stop_price for o in story.platform.resting()] == [START * 95 / 100]


def test_what_is_bought_later_comes_under_a_stop_that_takes_the_last_place():
    story = told({**PLAIN, "algo": 1}, StopStyle.MARKET, [(1, BUY), (3, BUY)])
    assert story.stopped() >= story.need()[0]


def test_a_share_that_cannot_rest_is_answered():
    told({**PLAIN, "algo": 1}, StopStyle.MARKET, [(1, BUY), (3, ("move", "0.9", None, 50))])


def test_a_stop_refused_as_about_to_trigger_is_told_of():
    refused = ("refuse", "place_order", (-2010, "Order would trigger immediately."), 30, "STOP_LOSS")
    told(PLAIN, StopStyle.MARKET, [(0.0, ("fault", refused)), (30, BUY)])


def test_a_stop_at_a_limit_that_the_price_has_jumped_over_is_told_of():
    story = told(PLAIN, StopStyle.LIMIT, [(1, ("buy", 100, "0.95", "1.02")), (3, ("price", "0.89"))])
    assert story.platform.position().lost == "stop_not_sold"


def test_what_is_bought_after_a_stop_was_carried_out_is_not_sold_by_it():
    steps = [(1, ("buy", 50, "0.95", None)), (3, ("move", "0.95", None, 50)), (5, ("price", "0.89"))]
    story = told(PLAIN, StopStyle.MARKET, [*steps, (3, ("buy", 50, None, None))])
    position = story.platform.position()
    assert position.is_open
    assert (position.wanted, position.lost) == (None, None)


def test_a_move_that_its_own_stop_overtakes_is_answered():
    """Nothing rested before, so no earlier protection can stay in force."""
    bare = {**PLAIN, "lacking": ("STOP_LOSS",), "band": ("1.05", "0.95")}
    steps = [(0.3, ("buy", 100, "0.95", None)), (0.05, ("price", "0.89")), (0.05, ("move", "0.95", None, 50))]
    told(bare, StopStyle.LIMIT, steps)


def test_the_next_form_is_tried_at_once_while_nothing_rests():
    """It does not matter how often the same protection was refused before."""
    price_too_far = ("refuse", "place_order", (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"), 1, "STOP_LOSS")
    steps = [(0.0, ("fault", price_too_far)), (0.3, ("buy", 100, "0.95", None)), (1, ("rest", 50, "1.02"))]
    alone = {**PLAIN, "lists": False, "replaces": False}
    rest = [(1, ("move", "0.95", "1.02", 50)), (0.3, ("rules", alone)), (0.05, ("part", "0.1"))]
    told(PLAIN, StopStyle.MARKET, [*steps, *rest])


def test_a_share_below_a_new_minimum_leaves_what_rests():
    story = Story(PLAIN, StopStyle.MARKET)
    story.rules = {**PLAIN, "notional": "90"}
    run(story.told_by([(3, BUY), (1, ("rules", story.rules)), (3, ("move", "0.9", None, 1))]), story.loop)
    assert story.stopped() >= story.platform.position().held


def test_a_move_without_a_price_is_refused():
    story = told(PLAIN, StopStyle.MARKET, [(1, BUY), (3, ("move", None, None, 1))])
    assert [webhook.status for webhook in story.platform.books.webhooks()] == ["executed", "refused"]


BUY = ("buy", 50, "0.9", None)
