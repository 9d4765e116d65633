"""The law of reconciliation: whatever happened unheard, after two reconciliations the books match the exchange.

Each history runs two accounts at random. The platform hears a random part of it, late, twice or never. Listings are
out of date by the time they arrive, and requests stay unanswered.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID, uuid5

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adapters.paper.orders import Refused as RefusedThere
from adapters.paper.pairs import PAIRS
from application.lane.lane import Lane
from application.orders import lookups
from application.orders.account import Account
from application.ports.errors import NoAnswer
from application.ports.statements import Credentials
from domain.aggregate import carrying
from domain.amounts import total
from domain.market import Markets
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.orders.wish import Side, Source, Type, Wish
from domain.people.broker import Broker, Exchange, Venue
from domain.reconciliation import Occasion
from tests.laws.examples import examples
from tests.laws.exchange_in_process import AccountSnapshots, Books, InProcess, SlowClock
from tests.support.log import Log

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SENDER, KEYS, NAMES = UUID(int=7), Credentials("key", "secret"), UUID(int=9)
PRICES = {"BTC/USDT": Decimal(50000), "ETH/USDT": Decimal(2500)}
SIZES = {"BTC/USDT": Decimal("0.01"), "ETH/USDT": Decimal("0.2")}
LEVELS = [Decimal("0.9"), Decimal("0.95"), Decimal(1), Decimal("1.05"), Decimal("1.1")]
STATES = {
    "new": Status.OPEN, "partly": Status.OPEN, "filled": Status.CLOSED, "cancelled": Status.CANCELLED,
    "expired": Status.EXPIRED,
}  # fmt: skip
SECOND_LOOK, PROOF = timedelta(seconds=10), timedelta(seconds=70)
symbols, levels, sides = st.sampled_from(sorted(PRICES)), st.sampled_from(LEVELS), st.sampled_from(Side)
brokers = st.sampled_from([0, 1])


def one_of(data, things):
    """Return one of these, drawn by its index, which a failing history shows on one line."""
    return things[data.draw(st.integers(0, len(things) - 1))]


class History(RuleBasedStateMachine):
    exchange, states = "binance", STATES

    def a_port(self, balances):
        """Return the port to a new account."""
        return InProcess(self.paper, self.paper.ledger.open_account(self.exchange, balances))

    def name_of(self, there):
        """Return the id by which the exchange calls an order or a trade of its own."""
        return str(there.id)

    @initialize()
    def begin(self):
        self.pauses, lookups.PAUSES = lookups.PAUSES, (0.001,)
        self.loop, self.now, self.names = asyncio.new_event_loop(), NOW, 0
        self.paper, self.books = SlowClock(lambda: self.now), Books()
        self.reports, self.believed, self.lost, self.ran = [], set(), set(), 0
        for symbol, price in PRICES.items():
            self.paper.prices.hold(symbol, price)
        self.here = [self.a_broker(number) for number in (1, 2)]
        for here in self.here:
            self.reconcile(here, Occasion.START)

    def a_broker(self, number):
        port = self.a_port({"USDT": Decimal(10**6), "BTC": Decimal(100), "ETH": Decimal(1000)})
        with carrying(user="1"):
            broker = Broker.connect(number, 1, Exchange(self.exchange), Venue.PAPER, f"paper {number}")
        account = Account(broker, port, KEYS, Markets(port.markets().values()), lambda: self.now, Log(), lambda: None)
        lane = Lane(account, self.books, AccountSnapshots(), SENDER)
        here = SimpleNamespace(number=number, port=port, account=account, lane=lane, ledger=port.account)
        port.stream(lambda report: self.reports.append((here, report)))
        return here

    def wait(self, work):
        async def bounded():
            async with asyncio.timeout(5):
                return await work

        return self.loop.run_until_complete(bounded())

    def a_name(self, kind):
        self.names += 1
        return f"{kind}_{self.names}"

    # --- actions -------------------------------------------------------------------------------------------------

    @rule(
        broker=brokers, symbol=symbols, side=sides, level=levels,
        kind=st.sampled_from([Type.LIMIT, Type.LIMIT, Type.MARKET]), partly=st.booleans(),
        fate=st.sampled_from(["answered", "answered", "answer lost", "died", "never arrives"]),
    )  # fmt: skip
    def send(self, broker, symbol, side, level, kind, partly, fate):
        """Send an order of ours, whose answer may be lost, or which never arrives."""
        here, name = self.here[broker], self.a_name("ARISTO")
        size, price = SIZES[symbol], level * PRICES[symbol] if kind is Type.LIMIT else None
        wish = Wish(symbol, side, kind, quantity=size, price=price)
        order = self.submitted(here, name, wish)
        if fate == "never arrives":
            self.lost.add(order.id)
        else:
            self.place(here, symbol, side, kind, size, price, name, partly=partly)
        if fate == "answered":
            asked = here.account.credentials, here.account.markets[symbol], name
            self.wait(here.lane.orders.take(order.id, self.wait(here.port.query(*asked))))
        elif fate != "died":
            self.wait(here.lane.orders.doubted(order, NoAnswer("silence")))

    def submitted(self, here, name, wish):
        """Return an order of ours whose intent is recorded."""
        with carrying(user="1"):
            order = Order.place(
                order_id=uuid5(NAMES, name), user=1, broker=here.number, wish=wish, source=Source.MANUAL,
                requester="somebody", client_order_id=name,
            )  # fmt: skip
            valid_until = here.account.valid_until(self.now)
            order.submit(SENDER, now=self.now, valid_until=valid_until, **self.sized(wish), price=wish.price)
            self.books.save(order)
        here.lane.orders.know(order)
        here.lane.orders.meet(order)
        return order

    def sized(self, wish):
        """Return the size of an order as it is sent."""
        return {"quantity": wish.quantity, "cost": None}

    def place(self, here, symbol, side, kind, size, price, name, *, partly):
        named = {"client_order_id": name, "side": side.value, "type": kind.value, "quantity": size, "price": price}
        self.paper.ledger.place(here.ledger, PAIRS[symbol], **named, partly=partly)

    @rule(
        broker=brokers, symbol=symbols, side=sides, level=levels, partly=st.booleans(),
        made=st.sampled_from(["web", "ARISTO_LOST"]),
    )  # fmt: skip
    def elsewhere(self, broker, symbol, side, level, partly, made):
        """Place an order outside the platform, with the same keys, or one of ours of which the log knows nothing."""
        named = (symbol, side, Type.LIMIT, SIZES[symbol], level * PRICES[symbol], self.a_name(made))
        self.place(self.here[broker], *named, partly=partly)

    @rule(symbol=symbols, level=levels)
    def move(self, symbol, level):
        """Move the price, which fills the orders it reaches."""
        self.paper.prices.hold(symbol, level * PRICES[symbol])

    def resting(self):
        return [order for order in self.paper.ledger.orders.values() if order.rests]

    @precondition(lambda self: self.resting())
    @rule(data=st.data(), smaller=st.booleans())
    def change_there(self, data, smaller):
        """Cancel an order as on the exchange's own page, or make it smaller, which changes its client id.

        An order in doubt is cancelled only: without its client id, nothing would be left by which to find it.
        """
        order = one_of(data, self.resting())
        if not smaller or any(order.client_order_id in o.client_order_ids for o in self.in_doubt()):
            return self.paper.ledger.cancel(order)
        with suppress(RefusedThere):
            self.paper.ledger.amend(
                order, order.quantity * 3 / 4 // order.pair.step * order.pair.step, self.a_name("w")
            )

    def in_doubt(self):
        return [order for order in self.books.orders() if not order.exchange_order_ids]

    @rule(seconds=st.sampled_from([1, 5, 10, 30]))
    def pass_by(self, seconds):
        self.now += timedelta(seconds=seconds)

    # --- what the platform hears ---------------------------------------------------------------------------------

    @precondition(lambda self: self.reports)
    @rule(data=st.data())
    def hear(self, data):
        """Hear any report of the stream, in any sequence, early or late, and possibly again."""
        here, report = one_of(data, self.reports)
        self.wait(self.heard(here, report))

    async def heard(self, here, report):
        await here.lane.orders.hear(await report())

    def open_here(self):
        return [order for order in self.books.orders() if order.status is Status.OPEN and not order.is_external]

    @precondition(lambda self: self.open_here())
    @rule(data=st.data())
    def believe_an_end(self, data):
        """Record that an open order of ours was cancelled, which is wrong."""
        order = one_of(data, self.open_here())
        here = self.here[order.broker - 1]
        self.believed.add(order.id)
        self.wait(here.lane.orders.say(order.id, lambda o: o.cancel("wrongly", "{}")))

    @rule(
        broker=brokers, occasion=st.sampled_from([Occasion.POLL, Occasion.FULL, Occasion.RECONNECTION]),
        dry=st.booleans(), silence=st.none() | st.integers(0, 6), symbol=symbols, level=levels,
        meanwhile=st.sampled_from(["nothing", "unheard", "heard"]),
    )  # fmt: skip
    def reconcile_now(self, broker, occasion, dry, silence, symbol, level, meanwhile):
        """Reconcile. A request may stay unanswered; the price may move, heard or not, before the listing arrives."""
        here, told = self.here[broker], len(self.reports)

        async def happens():
            self.move(symbol, level)
            for heard_by, report in self.reports[told:] if meanwhile == "heard" else ():
                await self.heard(heard_by, report)

        here.port.meanwhile = happens if meanwhile != "nothing" else None
        self.reconcile(here, occasion, dry=dry, silence=silence)
        here.port.meanwhile = None

    def reconcile(self, here, occasion, *, dry=False, silence=None):
        quiet, before = dry and not (here.port.meanwhile or len(here.lane.look_ups)), self.facts()
        here.port.silence = silence
        run = self.wait(here.lane.reconcile(occasion, dry=dry))
        here.port.silence = None
        assert silence is not None or run.failure is None
        assert not quiet or self.facts() == before
        return run

    # --- checks --------------------------------------------------------------------------------------------------

    def facts(self):
        return sum(len(events) for events in self.books.streams.values() if type(events[0]).__name__ in PLACED)

    @invariant()
    def no_execution_is_invented(self):
        """Check that each fill on record is a trade of the exchange, with its quantity, order and account."""
        trades = {self.name_of(trade): trade for trade in self.paper.ledger.trades}
        for order in self.books.orders():
            for trade_id, quantity in order.fills.items():
                trade = trades[trade_id]
                assert trade.quantity == quantity
                assert [self.name_of(trade.order)] == order.exchange_order_ids
                assert trade.order.account is self.here[order.broker - 1].ledger

    @invariant()
    def no_end_is_moved_by_one_report(self):
        """Check that the exchange contradicted a corrected end at least twice, long enough apart."""
        for events in self.books.streams.values():
            for event in events:
                if type(event).__name__ == "Corrected":
                    order = self.books.get(Order, event.originator_id)
                    said = self.here[order.broker - 1].port.said[order.exchange_order_id]
                    moments = [at for at, state in said if state is event.theirs]
                    assert max(moments) - min(moments) >= SECOND_LOOK

    @rule()
    def settle(self):
        """Check that two reconciliations, long enough apart, make the books true, and that further ones add nothing.

        When an order made elsewhere brings a symbol into the books, that symbol is searched for others, ended ones too.
        """
        self.now += PROOF
        self.reconcile_all()
        self.reconcile_all()
        for order in self.books.orders():
            self.is_true(order)
        for order in self.resting():
            self.is_known(order)
        self.reconcile_all()
        self.reconcile_all()
        facts = self.facts()
        for occasion in (Occasion.POLL, Occasion.FULL, Occasion.REQUEST):
            assert self.reconcile_all(occasion) == []
        assert self.facts() == facts

    def reconcile_all(self, occasion=Occasion.REQUEST):
        self.now += SECOND_LOOK
        found = []
        for here in self.here:
            found += [one for one, _ in self.reconcile(here, occasion).found]
            self.wait(self.looked_up(here))
        return found

    async def looked_up(self, here):
        while len(here.lane.look_ups):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)

    def is_true(self, order):
        """Check the order's state, total and trades. Two different ends are left as they are when no coins moved."""
        if order.id in self.lost:
            assert order.status is Status.REJECTED
            return
        there = self.there(order)
        if order.id in self.believed and not there.rests:
            return
        assert order.status is self.states[there.status]
        assert order.fills == {self.name_of(trade): trade.quantity for trade in there.trades}
        assert order.filled == total(order.fills.values()) == there.filled
        assert not there.rests or order.quantity == there.quantity

    def there(self, order):
        """Return an order as the exchange has it."""
        return self.paper.ledger.orders[int(order.exchange_order_id)]

    def is_known(self, there):
        """Check that an order resting on the exchange is exactly one open order here, whoever made it."""
        known = [o for o in self.books.orders() if self.name_of(there) in o.exchange_order_ids]
        assert len(known) == 1
        assert known[0].status is Status.OPEN

    def teardown(self):
        if not hasattr(self, "loop"):
            return
        try:
            self.settle()
        finally:
            for here in self.here:
                here.lane.close()
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
            lookups.PAUSES = self.pauses


PLACED = {"Placed", "Adopted"}
History.TestCase.settings = settings(max_examples=examples(40), stateful_step_count=25, deadline=None)
test_two_reconciliations_later_the_books_are_the_truth = History.TestCase
