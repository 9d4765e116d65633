"""An order next to a small exchange that knows the truth: whatever is heard, be it late, twice or never, they agree.

The model counts in whole units of the eighteenth decimal place, so that its sums do not depend on Decimal. `Exchange`
holds what really happened. `OrderLife` tells the order parts of it in any sequence, and remembers what it told.
"""

from __future__ import annotations

from copy import copy
from datetime import UTC, datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.aggregate import carrying
from domain.orders.order import Order
from domain.orders.order_status import ENDED, OUTCOMES, Status
from domain.orders.wish import Side, Source, Type, Wish
from domain.refusals import Refused
from tests.laws.examples import examples

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SENDER, STRANGER = UUID(int=7), UUID(int=8)
ONE, FEE, RAW, PROOF = Decimal(1), Decimal("0.000000000000000001"), "{}", "nothing was written"
TAKEN, SILENT, REFUSED = "taken", "silent", "refused"
# The second has more digits than Decimal's default context keeps.
QUANTITIES = [100 * 10**18, 123_456_789_012_345_678_901_234_567_891]
ENDS: dict[Status, tuple[str, ...]] = {
    Status.CLOSED: ("close", RAW),
    Status.CANCELLED: ("cancel", "user", RAW),
    Status.EXPIRED: ("expire", "IOC", RAW),
    Status.REJECTED: ("reject", "never reached the exchange", RAW),
}


def exact(units: int | None) -> Decimal | None:
    return None if units is None else Decimal(f"{units}e-18")


def state(order: Order) -> dict[str, Any]:
    hidden = {"_pending_events", "_created_on", "_modified_on"}
    return {key: copy(value) for key, value in vars(order).items() if key not in hidden}


class Exchange:
    """The truth about one order: its size, ids and executions, its end, and a change not reported to us yet."""

    def __init__(self, quantity: int) -> None:
        self.quantity, self.trades, self.ids = quantity, dict[str, int](), list[str]()
        self.end: Status | None = None
        self.untold: tuple[str, int | None, Decimal] | None = None

    @property
    def rest(self) -> int:
        return self.quantity - sum(self.trades.values())

    @property
    def live(self) -> bool:
        return bool(self.ids) and self.end is None


class OrderLife(RuleBasedStateMachine):
    @initialize(quantity=st.sampled_from(QUANTITIES), begun=st.sampled_from(["placed", "sent", "held", "held", "held"]))
    def place(self, quantity, begun):
        wish = Wish("BTC/USDT", Side.BUY, Type.LIMIT, quantity=exact(quantity), price=ONE)
        with carrying(user="1"):
            self.order = Order(UUID(int=1), 1, 1, wish, Source.MANUAL, "t", "c-1", None, None)
        self.exchange, self.quantity = Exchange(quantity), quantity
        self.heard, self.reported, self.replayed = {}, 0, 0
        self.on_its_way, self.shown, self.doubted, self.ended = False, False, False, None
        self.ids, self.client_ids, self.cancelling, self.asked, self.price = [], ["c-1"], False, None, ONE
        if begun != "placed":
            self.send(SENDER)
        self.exchange.ids += ["x-1"] if begun == "held" else []

    @property
    def filled(self) -> int:
        return max(sum(self.heard.values()), self.reported)

    @property
    def status(self) -> Status:
        if self.ended or self.shown:
            return self.ended or Status.OPEN
        return Status.UNKNOWN if self.doubted else Status.SUBMITTED if self.on_its_way else Status.PLACED

    def say(self, verb: str, *said: Any, **named: Any) -> str:
        """Call a verb and return its outcome. Check that a call that is not taken leaves no trace."""
        before, answer = state(self.order), SILENT
        with carrying(user="1"):
            try:
                getattr(self.order, verb)(*said, **named)
            except Refused:
                answer = REFUSED
        if answer is SILENT and self.order.version > before["_version"]:
            return TAKEN
        assert state(self.order) == before
        return answer

    def close_when_full(self) -> None:
        if self.filled == self.quantity:
            self.ended = self.ended or Status.CLOSED

    @precondition(lambda self: not self.shown)
    @rule(sender=st.sampled_from([SENDER, STRANGER]))
    def send(self, sender):
        """Submit the order: once, and again only after proof that the exchange did not take it, whoever submits it."""
        what = {"quantity": exact(self.quantity), "cost": None, "price": ONE}
        answer = self.say("submit", sender, now=NOW, valid_until=NOW, **what)
        assert answer == (TAKEN if self.status is Status.PLACED else REFUSED)
        self.on_its_way = self.on_its_way or answer is TAKEN

    @precondition(lambda self: self.status is Status.SUBMITTED and not self.exchange.ids and self.exchange.end is None)
    @rule()
    def hear_that_it_was_not_taken(self):
        """Defer the order: it waits for its turn again, and nothing of this attempt can arrive any longer."""
        assert self.say("defer", "too_many_orders", PROOF) == TAKEN
        self.on_its_way = False

    @precondition(lambda self: self.on_its_way and not self.exchange.ids and self.exchange.end is None)
    @rule(arrives=st.sampled_from([True, True, True, False]))
    def arrive(self, arrives):
        self.exchange.ids, self.exchange.end = (["x-1"], None) if arrives else ([], Status.REJECTED)

    @precondition(lambda self: self.exchange.ids)
    @rule(data=st.data())
    def hear_accepted(self, data):
        """Accept the order under any id it ever had. Once one is known, another one is refused."""
        exchange_id = data.draw(st.sampled_from(self.exchange.ids))
        answer = self.say("accept", exchange_id, RAW)
        assert answer == (SILENT if exchange_id in self.ids else REFUSED if self.ids else TAKEN)
        if answer is TAKEN:
            self.ids, self.shown = [exchange_id], True

    @precondition(lambda self: self.exchange.live)
    @rule(share=st.integers(0, 10**6), at_once=st.booleans())
    def trade(self, share, at_once):
        """Execute a part of the rest, at least one unit."""
        units, trade_id = max(1, self.exchange.rest * share // 10**6), f"t{len(self.exchange.trades)}"
        self.exchange.trades[trade_id] = units
        if self.exchange.rest == 0:
            self.exchange.end = Status.CLOSED
        if at_once:
            self.hear(trade_id)

    @precondition(lambda self: self.exchange.live)
    @rule(at_once=st.booleans())
    def trade_exactly_the_rest(self, at_once):
        self.trade(10**6, at_once)

    @precondition(lambda self: self.exchange.trades)
    @rule(data=st.data())
    def hear_a_trade(self, data):
        """Report any of the trades, possibly again and possibly after the end."""
        self.hear(data.draw(st.sampled_from(sorted(self.exchange.trades))))

    def hear(self, trade_id: str) -> None:
        units = self.exchange.trades[trade_id]
        answer = self.say("fill", trade_id, exact(units), ONE, FEE, "BTC", NOW, None, RAW)
        too_much = sum(self.heard.values()) + units > self.quantity  # it was enlarged, and that is not reported yet
        assert answer == (SILENT if trade_id in self.heard else REFUSED if too_much else TAKEN)
        if answer is TAKEN:
            self.heard[trade_id], self.shown = units, True
            self.close_when_full()

    @precondition(lambda self: self.exchange.trades)
    @rule(data=st.data())
    def hear_progress(self, data):
        """Report any cumulative total that was ever true; an older one adds nothing."""
        reached = data.draw(st.sampled_from([*accumulate(self.exchange.trades.values())]))
        answer = self.say("progress", exact(reached), ONE, RAW)
        assert answer == (SILENT if reached <= self.filled else REFUSED if reached > self.quantity else TAKEN)
        if answer is TAKEN:
            self.reported, self.shown = reached, True

    @precondition(lambda self: self.heard)
    @rule()
    def hear_more_than_there_is(self):
        too_much = exact(self.quantity - sum(self.heard.values()) + 1)
        assert self.say("fill", "t-too-much", too_much, ONE, FEE, None, NOW, None, RAW) == REFUSED
        assert self.say("progress", exact(self.quantity + 1), ONE, RAW) == REFUSED

    @rule()
    def ask_to_cancel(self):
        answer = self.say("request_cancel", "user")
        assert answer == (SILENT if self.cancelling else REFUSED if self.ended else TAKEN)
        self.cancelling = self.cancelling or answer is TAKEN

    @precondition(lambda self: self.on_its_way and (self.cancelling or self.asked))
    @rule(cancelled=st.booleans(), changed=st.booleans())
    def hear_no(self, cancelled, changed):
        """Reject the requested cancellation or change, which may then be requested again."""
        assert changed or self.say("reject_amend", "no", RAW) == (TAKEN if self.asked else SILENT)
        assert cancelled or self.say("reject_cancel", "no", RAW) == (TAKEN if self.cancelling else SILENT)
        self.asked, self.cancelling = changed and self.asked, cancelled and self.cancelling

    @precondition(lambda self: self.exchange.live and (self.cancelling or len(self.exchange.trades) > 1))
    @rule(end=st.sampled_from([Status.CANCELLED, Status.EXPIRED]))
    def end(self, end):
        self.exchange.end = end

    @precondition(lambda self: self.on_its_way and (self.exchange.end or self.exchange.ids))
    @rule(truly=st.integers(0, 3), wrong=st.sampled_from(sorted(ENDS)))
    def hear_an_end(self, truly, wrong):
        """Report an end, before or after its fills and not always the true one. A different end needs a correction."""
        end = self.exchange.end if truly and self.exchange.end else wrong
        assert self.say(*ENDS[end]) == (SILENT if self.ended is end else REFUSED if self.ended else TAKEN)
        self.ended = self.ended or end

    @precondition(lambda self: self.ended and self.ended is not self.exchange.end)
    @rule(ours=st.sampled_from(sorted(ENDED)))
    def correct(self, ours):
        """Correct a wrong end: the exchange is right, provided the end it contradicts is the one we hold."""
        self.hear_no(cancelled=False, changed=False)
        theirs = self.exchange.end or Status.OPEN
        answer = self.say("correct", ours, theirs, RAW)
        assert answer == (TAKEN if ours is self.ended else REFUSED)
        if answer is TAKEN:
            self.ended, self.shown = self.exchange.end, True
        if self.exchange.untold and not self.ended:
            self.hear_the_change()  # reports carry the size

    @precondition(lambda self: self.on_its_way and not self.shown)
    @rule()
    def doubt(self):
        answer = self.say("doubt", "silence")
        assert answer == {Status.UNKNOWN: SILENT, Status.SUBMITTED: TAKEN}.get(self.status, REFUSED)
        self.doubted = self.doubted or answer is TAKEN

    @precondition(lambda self: not self.shown)
    @rule(outcome=st.sampled_from([Status.OPEN, *Status]), reason=st.sampled_from(["seen on the exchange", " "]))
    def resolve(self, outcome, reason):
        """Resolve by hand. A person may be wrong, but must give a reason and a status that an exchange can report."""
        may = self.on_its_way and not self.ended and outcome in OUTCOMES and reason.strip()
        assert self.say("resolve", 1, outcome, reason) == (TAKEN if may else REFUSED)
        if may:
            self.shown, self.ended = True, None if outcome is Status.OPEN else outcome

    @precondition(lambda self: self.status is Status.OPEN)
    @rule(data=st.data(), client_id=st.sampled_from(["c-2", "c-3"]))
    def ask_for_a_change(self, data, client_id):
        """Request an amendment: one at a time, to more than is filled already, and under a new client id."""
        quantity = data.draw(st.none() | st.just(max(1, self.filled)) | st.integers(1, 2 * self.quantity))
        too_small = quantity is not None and quantity <= self.filled
        answer = self.say("request_amend", client_id, exact(quantity), ONE, NOW)
        refused = self.asked or too_small or client_id in self.client_ids
        assert answer == (SILENT if client_id == self.asked else REFUSED if refused else TAKEN)
        self.asked = client_id if answer is TAKEN else self.asked

    @precondition(lambda self: self.exchange.live and self.exchange.untold is None)
    @rule(data=st.data(), at_once=st.booleans())
    def change(self, data, at_once):
        """Change the order there, by our request or from outside. Cut down to what is executed, it is closed."""
        least, self.price = max(1, sum(self.exchange.trades.values())), self.price + 1
        quantity = data.draw(st.none() | st.just(least) | st.integers(least, 2 * self.exchange.quantity))
        self.exchange.ids.append(f"x-{len(self.exchange.ids) + 1}")
        self.exchange.untold = (self.exchange.ids[-1], quantity, self.price)
        self.exchange.quantity = quantity or self.exchange.quantity
        self.exchange.end = Status.CLOSED if self.exchange.rest == 0 else None
        if at_once:
            self.hear_the_change()

    @precondition(lambda self: self.exchange.untold)
    @rule()
    def hear_the_change(self):
        exchange_id, quantity, price = self.exchange.untold
        answer = self.say("amend", exchange_id, exact(quantity), price, RAW)
        if answer is not TAKEN:
            assert self.status in {Status.PLACED, Status.SUBMITTED, Status.UNKNOWN}
            return
        self.exchange.untold, self.quantity = None, quantity or self.quantity
        self.ids = [*(known for known in self.ids if known != exchange_id), exchange_id]
        self.client_ids += [self.asked] if self.asked else []
        self.asked = None
        self.close_when_full()

    @precondition(lambda self: self.exchange.trades and not self.exchange.untold)
    @rule()
    def hear_everything(self):
        """Report every trade: no execution is missing afterwards, in whatever sequence they were heard."""
        for trade_id in self.exchange.trades:
            self.hear(trade_id)
        assert self.order.remaining == exact(self.exchange.rest)

    @invariant()
    def it_is_what_was_heard(self):
        assert self.order.status is self.status
        assert self.order.filled == exact(self.filled)
        assert self.order.remaining == exact(self.quantity - self.filled) >= 0
        assert self.order.status in ENDED or sum(self.heard.values()) < self.quantity
        assert (self.order.exchange_order_ids, self.order.client_order_ids) == (self.ids, self.client_ids)

    @precondition(lambda self: self.replayed < self.order.version)
    @invariant()
    def its_events_add_up_to_it(self):
        again, self.replayed = None, self.order.version
        for event in self.order.pending_events:
            again = event.mutate(again)
        assert state(again) == state(self.order)


OrderLife.TestCase.settings = settings(max_examples=examples(150), stateful_step_count=50, deadline=None)
test_the_order_and_the_exchange_agree = OrderLife.TestCase
