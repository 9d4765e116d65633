"""The law of order counts: however few orders an exchange takes, no alert is lost, doubled or overtaken.

Each story runs one or two markets in simulated time: buys and sells come at random moments and meet a small limit of
orders per ten seconds.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from domain.amounts import ZERO
from domain.orders.order import PROTECTION, Order
from domain.webhooks.webhook import WebhookStatus
from tests.laws.examples import examples
from tests.laws.simulated_time import NOW, SimulatedLoop, run
from tests.laws.simulated_trading import Platform

PRICES = {"BTC/USDT": Decimal(50000), "ETH/USDT": Decimal(2500)}
LOOK, WINDOW, BARE_FOR, CALM = 0.1, 10, 1.5, 120
"""All in seconds. `BARE_FOR` allows one second to gather fills, and the rest to count, cancel and place orders."""
SMALLEST = Decimal(5)
ROUNDED = Decimal("1.05")
"""The factor left for steps and fees when an amount is compared with a minimum."""
TOO_LITTLE = frozenset(
    {"insufficient_funds", "notional_below_minimum", "quantity_below_minimum", "too_small_to_protect"}
)
LIMITED = frozenset({"too_many_orders", "rate_limited"})

alerts = st.one_of(
    st.tuples(st.just("buy"), st.sampled_from([1, 10, 50, 100]), st.booleans(), st.booleans()),
    st.tuples(st.just("rest"), st.sampled_from([1, 10])),
    st.tuples(st.just("sell"), st.sampled_from([100, 50, 10])),
    st.tuples(st.just("price"), st.sampled_from(["1", "0.99", "1.01", "0.93"])),
)
steps = st.lists(
    st.tuples(st.sampled_from([0.0, 0.0, 0.03, 0.2, 1, 4, 11]), st.sampled_from(sorted(PRICES)), alerts),
    min_size=1, max_size=30,
)  # fmt: skip


class Story:
    """One burst of alerts, and the checks that the law holds."""

    def __init__(self, limit, symbols):
        self.loop = SimulatedLoop()
        prices = {symbol: PRICES[symbol] for symbol in symbols}
        self.platform = Platform(self.loop, prices, {"USDT": "100000"}, limit=limit)
        self.limit, self.bare_since, self.refusals = limit, {}, {}
        self.sent = []
        self.platform.books.listeners.append(self.hear)
        self.platform.paper.ledger.listeners.append(self.enter)

    async def told_by(self, story):
        await self.platform.begin()
        watching = self.loop.create_task(self.watch())
        for pause, symbol, act in story:
            await asyncio.sleep(pause)
            getattr(self, f"do_{act[0]}")(symbol if symbol in self.platform.symbols else "BTC/USDT", *act[1:])
        for _ in range(CALM):
            await asyncio.sleep(1)
            if watching.done():
                watching.result()
        watching.cancel()
        self.platform.check_alive()
        self.ends_well()

    def do_buy(self, symbol, share, stop, target):
        prices = {"PrixSL": PRICES[symbol] * 9 / 10} if stop else {}
        prices |= {"PrixTP": PRICES[symbol] * 2} if target else {}
        self.platform.alert("BuyMarket", symbol, PourCent=share, **prices)

    def do_sell(self, symbol, share):
        self.platform.alert("SellMarket", symbol, PourCent=share)

    def do_rest(self, symbol, share):
        """Alert a limit buy that is not filled, so that no order count is given back for it."""
        self.platform.alert("BuyLimit", symbol, PourCent=share, Prix=PRICES[symbol] / 2)

    def do_price(self, symbol, level):
        self.platform.paper.prices.hold(symbol, PRICES[symbol] * Decimal(level))

    # --- checks during the story ---------------------------------------------------------------------------------

    def hear(self, event):
        """Keep what the account holds when an order is refused: the refusal is judged by it at the end."""
        if type(event).__qualname__ != "Order.Refused":
            return
        order = self.platform.books.get(Order, event.originator_id)
        position = self.platform.position(order.wish.symbol)
        held = position.held if position is not None else ZERO
        opened = position is not None and position.is_open
        self.refusals[order.cause] = (
            self.platform.ledger_account.free["USDT"],
            held,
            self.platform.price(order.wish.symbol),
            opened,
        )

    def enter(self, what, order, _):
        if what == "new":
            self.sent.append((self.loop.clock().timestamp(), order))

    async def watch(self):
        while True:
            self.platform.check_alive()
            for symbol in self.platform.symbols:
                self.look(symbol)
            await asyncio.sleep(LOOK)

    def look(self, symbol):
        """Check that no entry is left without its stop while there is room for one."""
        position, now = self.platform.position(symbol), self.loop.time()
        bare = False
        if position is not None and position.is_open and position.wanted is not None and position.wanted.stop_loss:
            need = position.covered // Decimal("0.0001") * Decimal("0.0001")
            resting = self.platform.resting(symbol)
            stopped = sum((o.quantity - o.filled for o in resting if o.type.startswith("stop_loss")), ZERO)
            used = self.platform.paper.counts.used(self.platform.ledger_account)["10S"]
            takes = 4 if resting and position.wanted.take_profit else 2
            bare = (
                need * self.platform.price(symbol) > SMALLEST * ROUNDED
                and stopped < need
                and used + takes <= self.limit
            )
        if not bare:
            self.bare_since.pop(symbol, None)
            return
        since = self.bare_since.setdefault(symbol, now)
        assert now - since <= BARE_FOR, f"{symbol} has no stop for {now - since:.1f} s with room for one"

    # --- checks at the end ---------------------------------------------------------------------------------------

    def ends_well(self):
        books = self.platform.books
        names = {name: order for order in books.orders() for name in order.client_order_ids}
        sent = [(at, there, names[there.client_order_id]) for at, there in self.sent]
        wishes = [(at, there, order) for at, there, order in sent if order.requester != PROTECTION]
        for order in books.orders():
            assert order.reason not in LIMITED, f"{order.wish.side} {order.wish.type} rejected: {order.reason}"
        webhooks = {webhook.id: webhook for webhook in books.webhooks()}
        for webhook in webhooks.values():
            done = [there for _, there, order in wishes if order.cause == webhook.id]
            assert len(done) <= 1, "an alert was sent twice"
            if webhook.status is WebhookStatus.EXECUTED:
                assert done, "executed without an order"
                assert done[0].trades or done[0].rests
            else:
                assert not any(there.trades for there in done), "failed, and traded"
                self.is_true(webhook)
        for symbol in self.platform.symbols:
            order_of_log = {webhook: number for number, webhook in enumerate(webhooks)}
            numbers = [order_of_log[order.cause] for _, _, order in wishes if order.wish.symbol == symbol]
            assert numbers == sorted(numbers), f"sent in the order {numbers}"

    def is_true(self, webhook):
        """Check that the reason for which the webhook was not executed is true."""
        assert webhook.status in {WebhookStatus.FAILED, WebhookStatus.REFUSED}, f"a webhook ended {webhook.status}"
        order = self.platform.books.get(Order, Order.id_for(webhook.id))
        if webhook.reason == "stale":
            return self.was_busy(webhook.received_at.timestamp(), order.not_after.timestamp())
        free, held, price, opened = self.refusals[webhook.id]
        share = order.wish.percent / 100
        if webhook.reason == "no_position":
            assert not opened
        elif order.wish.side == "sell":
            assert webhook.reason in TOO_LITTLE, webhook.reason
            assert held * share * price < SMALLEST * ROUNDED, f"{webhook.reason}: {held} held"
        else:
            assert webhook.reason in TOO_LITTLE, webhook.reason
            assert free * share < SMALLEST * ROUNDED, f"{webhook.reason}: {free} free"
        return None

    def was_busy(self, began, ended):
        """Check that a stale order had cause to wait: something was sent in each whole window open to it."""
        window = -(-began // WINDOW) * WINDOW
        while window + WINDOW <= ended:
            used = [at for at, _ in self.sent if window <= at < window + WINDOW]
            assert used, f"stale, and nothing was sent from {window - NOW.timestamp()} s on"
            window += WINDOW

    def retold(self):
        """Return the story as lines from the log."""
        lines = []
        for event in self.platform.books.log:
            name, at = type(event).__qualname__, event.timestamp.timestamp() - NOW.timestamp()
            if name.startswith(("Order", "Webhook", "Position", "Alert")):
                known = ("reason", "detail", "quantity", "protection")
                facts = {k: getattr(event, k) for k in known if getattr(event, k, None) is not None}
                if name == "Order.Placed":
                    wish = event.wish
                    size = wish.quantity or wish.percent
                    facts = f"{event.requester}: {wish.side} {wish.type} {size} {wish.symbol}"
                lines.append(f"{at:8.2f} {name} {str(event.originator_id)[:8]} {facts}")
        return "\n".join(lines)


def told(limit, symbols, story):
    one = Story(limit, symbols)
    try:
        run(one.told_by(story), one.loop)
    except BaseException:
        note(one.retold())
        raise


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.too_slow])
@given(limit=st.sampled_from([5, 6, 8, 12, 20, 50]), both=st.booleans(), story=steps)
def test_no_alert_is_lost_doubled_or_overtaken(limit, both, story):
    told(limit, sorted(PRICES) if both else ["BTC/USDT"], story)
