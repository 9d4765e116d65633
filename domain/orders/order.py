"""An order: one request to an exchange, from the wish to its end.

The intent is recorded before anything is sent. Silence of the exchange is a state of its own. A fill is a fact and
stays valid whatever failure follows it. Quantities are in the base currency, costs in the quote currency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain.aggregate import Aggregate, Personal, deterministic_id, event
from domain.amounts import ZERO, check_positive, is_amount, total
from domain.orders.execution import check_fill
from domain.orders.external import ELSEWHERE, Adopted, external_id, external_name
from domain.orders.order_events import Amended, AmendRequested, Contradicted, Doubted
from domain.orders.order_state import Amendment, OrderState
from domain.orders.order_status import ENDED, LEADS, LIVE, OUTCOMES, Status
from domain.orders.wish import Source, Wish
from domain.refusals import Impossible, Invalid

PROTECTION = "Protection"
"""The requester of orders that protect a position or close it at its stop; the position is their cause."""


class Order(OrderState, Aggregate):
    """One order of one user at one broker."""

    @event("Placed")
    def __init__(
        self, order_id: UUID, user: int, broker: int, wish: Wish, source: Source, requester: str,
        client_order_id: str, not_after: datetime | None, cause: UUID | None,
    ) -> None:  # fmt: skip
        self.order_id, self.user, self.broker = order_id, user, broker
        self.wish, self.source, self.requester, self.not_after, self.cause = wish, source, requester, not_after, cause
        self.status, self.reason, self.attempt, self.deferred = Status.PLACED, None, 0, None
        self.sender, self.submitted_at, self.valid_until, self.asks_first = None, None, None, False
        self.quantity, self.cost, self.price, self.stop_price = wish.quantity, wish.cost, wish.price, wish.stop_price
        self.exchange_order_ids, self.client_order_ids = [], [client_order_id]
        self.fills, self.reported_quantity = {}, ZERO
        self.cancel_requested, self.amendment = False, None
        self.unmapped, self.contradictions = set(), set()

    Adopted, Doubted, Contradicted = Adopted, Doubted, Contradicted
    AmendRequested, Amended = AmendRequested, Amended

    @staticmethod
    def create_id(order_id: UUID) -> UUID:
        """Return the given id, which is made before the order, so that a repeated command finds the same stream."""
        return order_id

    @staticmethod
    def id_for(cause: UUID, leg: str = "entry") -> UUID:
        """Return the id of the order that `cause` (a webhook, a validated form) wants on its `leg`, always the same."""
        return deterministic_id("order", cause, leg)

    @classmethod
    def place(
        cls,
        *,
        order_id: UUID,
        user: int,
        broker: int,
        wish: Wish,
        source: Source,
        requester: str,
        client_order_id: str,
        not_after: datetime | None = None,
        cause: UUID | None = None,
    ) -> Order:
        """Record a wish as a new order, which is not sent after `not_after`.

        `cause` is the webhook or form that led to it. Raises `Invalid` for a wish that no exchange could carry out.
        """
        wish.check()
        return cls(order_id, user, broker, wish, source, requester, client_order_id, not_after, cause)

    @classmethod
    def adopt(
        cls, *, user: int, broker: int, exchange_order_id: str, wish: Wish, raw: Personal, requester: str = ELSEWHERE
    ) -> Order:
        """Adopt an order found on the exchange into the log. No strategy ever manages it.

        `requester` may be `HISTORY_LOST`. The client id that its maker chose stays in `raw`. Raises `Invalid` when an
        amount is not above zero.
        """
        check_positive(quantity=wish.quantity, cost=wish.cost, price=wish.price)
        return cls._create(
            cls.Adopted, order_id=external_id(broker, wish.symbol, exchange_order_id), user=user, broker=broker,
            wish=wish, source=Source.EXTERNAL, requester=requester,
            client_order_id=external_name(broker, wish.symbol, exchange_order_id), not_after=None, cause=None,
            exchange_order_id=exchange_order_id, raw=raw,
        )  # fmt: skip

    def _must(self, verb: str) -> None:
        if verb not in LEADS[self.status]:
            raise Impossible(f"a {self.status} order cannot {verb.replace('_', ' ')}", code=f"order_{self.status}")

    # --- before sending ----------------------------------------------------------------------------------------

    def refuse(self, reason: str, detail: str = "") -> None:
        """Record that it will not be sent. `reason` is one of the platform's codes, `detail` puts it into words."""
        if self.status is Status.REFUSED:
            return
        self._must("refuse")
        self._refused(reason, detail)

    def submit(
        self,
        sender: UUID,
        *,
        now: datetime,
        valid_until: datetime,
        quantity: Decimal | None,
        cost: Decimal | None,
        price: Decimal | None,
        takes_off: Sequence[UUID] = (),
        asks_first: bool = False,
        ignored: Sequence[str] = (),
    ) -> None:
        """Record the intent to send. Only the process whose own append of this event committed may send, and only once.

        `takes_off` names the resting orders that the same call cancels, `ignored` the parameters that the exchange does
        not have. `asks_first` means that other orders lock its coins, so that it is weighed and not taken. A further
        attempt is possible only after `defer`, and keeps the client order id. A repetition raises `Impossible`.
        """
        self._must("submit")
        if (quantity is None) == (cost is None):
            raise Invalid("what is sent has either a quantity or a cost", code="size_ambiguous", field="quantity")
        check_positive(quantity=quantity, cost=cost, price=price)
        self._submitted(
            self.attempt + 1, sender, now, valid_until, quantity, cost, price, self.client_order_id,
            self.deferred or "", [*takes_off] or None, asks_first or None, [*ignored] or None,
        )  # fmt: skip

    def defer(self, reason: str, proof: Personal) -> None:
        """Record that the exchange certainly did not take this attempt, and put the order back to wait for its turn.

        The reason is one that will pass. `proof` is the exchange's answer, or whatever kept the request from leaving
        (nothing written, 429, a refused timestamp, coins still locked).
        """
        self._must("defer")
        self._deferred(reason, proof)

    # --- reports of the exchange -------------------------------------------------------------------------------

    def accept(self, exchange_order_id: str, raw: Personal) -> None:
        """Record that the exchange has it under this id, whichever report came first. `raw` is its whole answer.

        Raises `Impossible` when the exchange knows the order under another id.
        """
        if exchange_order_id in self.exchange_order_ids:
            return
        self._must("accept")
        if self.exchange_order_ids:
            raise Impossible(f"the exchange knows it as {self.exchange_order_id}", code="order_known_otherwise")
        self._accepted(exchange_order_id, raw)

    def reject(self, reason: str, raw: Personal) -> None:
        """Record that the exchange refused it, or that it is proven never to have arrived."""
        if self.status is Status.REJECTED:
            return
        self._must("reject")
        self._rejected(reason, raw)

    def prove_absent(self, reason: str, raw: Personal) -> None:
        """Reject an order that the exchange never took; `raw` is the proof.

        Do nothing when the exchange has shown the order in the meantime: that outweighs the proof.
        """
        if self.is_in_doubt and not self.exchange_order_ids and not self.fills:
            self.reject(reason, raw)

    def fill(
        self,
        trade_id: str,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        fee_currency: str | None,
        executed_at: datetime,
        maker: bool | None,
        raw: Personal,
        fee_value: Decimal | None = None,
    ) -> None:
        """Record one execution, once per trade id of the exchange. The one that fills the exact rest closes the order.

        `quantity` is in base, `price` in quote per base, `fee` in `fee_currency` (never negative here). `fee_value` is
        the value of a fee in a third currency at that time (quote), None when it is not known. Raises `Invalid` when
        an amount is not valid or the order has less than `quantity` left.
        """
        if trade_id in self.fills:
            return
        self._must("fill")
        check_fill(quantity, price, fee)
        if self.quantity is not None and total((*self.fills.values(), quantity)) > self.quantity:
            raise Invalid(f"{quantity} is more than the order of {self.quantity} has left", code="fill_contradicts")
        self._filled(trade_id, quantity, price, fee, fee_currency, executed_at, maker, raw, fee_value)
        if self.status not in ENDED and self.remaining == 0:
            self._closed(raw)

    def progress(self, cumulative_quantity: Decimal, cumulative_cost: Decimal, raw: Personal) -> None:
        """Record a cumulative report, without trades, of more than our fills add up to.

        Ignore one that reports no more: it is older. Raises `Invalid` when an amount is not valid or exceeds the order.
        """
        if not (is_amount(cumulative_quantity) and is_amount(cumulative_cost) and cumulative_cost >= 0):
            raise Invalid(f"{cumulative_quantity} for {cumulative_cost} is no progress", code="fill_contradicts")
        if cumulative_quantity <= self.filled:
            return
        self._must("progress")
        if self.quantity is not None and cumulative_quantity > self.quantity:
            raise Invalid(f"{cumulative_quantity} is more than the order's {self.quantity}", code="fill_contradicts")
        self._progressed(cumulative_quantity, cumulative_cost, raw)

    def close(self, raw: Personal) -> None:
        """Record that it is fully executed."""
        if self.status is Status.CLOSED:
            return
        self._must("close")
        self._closed(raw)

    def cancel(self, reason: str, raw: Personal) -> None:
        """Record that the exchange took it off the order book. What was filled stays filled."""
        if self.status is Status.CANCELLED:
            return
        self._must("cancel")
        self._cancelled(reason, raw)

    def expire(self, reason: str, raw: Personal) -> None:
        """Record that it ended by its own rule (IOC or FOK remainder, no liquidity). What was filled stays filled."""
        if self.status is Status.EXPIRED:
            return
        self._must("expire")
        self._expired(reason, raw)

    # --- doubt -------------------------------------------------------------------------------------------------

    def doubt(self, reason: str, detail: str = "") -> None:
        """Record that there was no answer, or one that proves nothing: the order may or may not exist.

        `reason` is one of the platform's codes, `detail` puts it into words.
        """
        if self.status is Status.UNKNOWN:
            return
        self._must("doubt")
        self._doubted(reason, detail)

    def meet_unknown_status(self, native_status: str, raw: Personal) -> None:
        """Record a status of the exchange that has no mapping, verbatim and once. It does not change the state."""
        if native_status not in self.unmapped:
            self._status_unknown(native_status, raw)

    def contradict(self, reason: str, values: dict[str, str], raw: Personal) -> None:
        """Record a statement of the exchange that cannot be true, in full, for a person to look at.

        It does not change the state. `reason` is one of the platform's codes, `values` holds what contradicts it. The
        same statement is recorded once.
        """
        if not self.knows_contradiction(reason, values):
            self._contradicted(reason, values, raw)

    def knows_contradiction(self, reason: str, values: Mapping[str, str]) -> bool:
        """Return True when this statement of the exchange is recorded already."""
        return (reason, frozenset(values.items())) in self.contradictions

    def resolve(self, by: int, outcome: Status, reason: str) -> None:
        """End the doubt by a person's decision, with a reason; `outcome` is open or one of the ends.

        Raises `Invalid` for any other outcome or an empty reason.
        """
        if self.status is outcome is Status.OPEN:
            return
        self._must("resolve")
        if outcome not in OUTCOMES:
            raise Invalid(f"a doubt does not end as {outcome}", code="outcome_unknown", field="outcome")
        if not reason.strip():
            raise Invalid("a resolution needs a reason", code="reason_missing", field="reason")
        self._resolved(by, outcome, Personal(reason))

    def correct(self, ours: Status, theirs: Status, raw: Personal) -> None:
        """Replace a recorded end that two agreeing reports contradict: the exchange is right.

        `ours` is the contradicted status. Raises `Impossible` when the order has moved on from it, `Invalid` when
        `theirs` is not a status that an exchange can report.
        """
        if theirs is self.status:
            return
        self._must("correct")
        if theirs not in OUTCOMES:
            raise Invalid(f"an exchange does not say {theirs}", code="outcome_unknown", field="outcome")
        if ours is not self.status:
            raise Impossible(f"the order is {self.status}, not {ours}", code="correction_outdated")
        self._corrected(ours, theirs, raw)

    # --- amending and cancelling -------------------------------------------------------------------------------

    def request_amend(
        self,
        client_order_id: str,
        quantity: Decimal | None,
        price: Decimal | None,
        valid_until: datetime,
        stop_price: Decimal | None = None,
    ) -> None:
        """Record a request for another quantity, price or trigger, and the client id that the order will have.

        Both are recorded before the request is sent. An exchange that gives no new id keeps the present one. Raises
        `Impossible` while another amendment is under way, and `Invalid` for an empty change, a former client id, a
        trigger for an order without one, or a quantity that is filled already.
        """
        wanted = Amendment(client_order_id, quantity, price, valid_until, stop_price)
        if self.amendment is not None:
            asked = self.amendment
            renamed = client_order_id == asked.client_order_id != self.client_order_id
            if renamed or wanted == replace(asked, valid_until=valid_until):
                return
            raise Impossible("an amendment is under way", code="amendment_under_way")
        self._must("request_amend")
        check_positive(quantity=quantity, price=price, stop_price=stop_price)
        if (quantity, price, stop_price) == (None, None, None):
            raise Invalid("an amendment changes the quantity or a price", code="amendment_empty", field="quantity")
        if client_order_id in self.client_order_ids[:-1] or (
            client_order_id == self.client_order_id and not stop_price
        ):
            raise Invalid(f"{client_order_id} is the order's id already", code="client_order_id_taken")
        if stop_price is not None and self.stop_price is None:
            raise Invalid("an order without a trigger gets none", code="trigger_not_taken", field="stop_price")
        if quantity is not None and quantity <= self.filled:
            raise Invalid(f"{self.filled} is filled already", code="quantity_filled", field="quantity")
        self._amend_requested(client_order_id, quantity, price, valid_until, stop_price)

    def amend(
        self,
        exchange_order_id: str,
        quantity: Decimal | None,
        price: Decimal | None,
        raw: Personal,
        stop_price: Decimal | None = None,
    ) -> None:
        """Record that the exchange changed it, at our request or from outside.

        An order cut down to what is filled is closed. Raises `Invalid` when more is filled than the new quantity.
        """
        check_positive(quantity=quantity, price=price, stop_price=stop_price)
        same = quantity in {None, self.quantity} and price in {None, self.price}
        if self.amendment is None and same and stop_price in {None, self.stop_price}:
            return
        self._must("amend")
        if quantity is not None and quantity < self.filled:
            raise Invalid(f"{self.filled} is filled, more than the new {quantity}", code="fill_contradicts")
        self._amended(exchange_order_id, quantity, price, raw, stop_price)
        if self.status not in ENDED and self.remaining == 0:
            self._closed(raw)

    def reject_amend(self, reason: str, raw: Personal) -> None:
        """Record that the exchange refused the amendment and keeps the order as it was."""
        if self.amendment is None:
            return
        self._must("reject_amend")
        self._amend_rejected(reason, raw)

    def request_cancel(self, by: str) -> None:
        """Record a request to take it off the order book; `by` names the requester."""
        if self.cancel_requested:
            return
        self._must("request_cancel")
        self._cancel_requested(by)

    def reject_cancel(self, reason: str, raw: Personal) -> None:
        """Record that the exchange did not cancel it.

        Its answer "unknown order" does not prove an end: the order is looked up.
        """
        if not self.cancel_requested:
            return
        self._must("reject_cancel")
        self._cancel_rejected(reason, raw)

    # --- events ------------------------------------------------------------------------------------------------

    @event("Refused")
    def _refused(self, reason: str, detail: str) -> None:
        self.status, self.reason = Status.REFUSED, reason

    @event("Submitted")
    def _submitted(
        self, attempt: int, sender: UUID, submitted_at: datetime, valid_until: datetime, quantity: Decimal | None,
        cost: Decimal | None, price: Decimal | None, client_order_id: str, proof: str, takes_off: list[UUID] | None,
        asks_first: bool | None, ignored: list[str] | None,
    ) -> None:  # fmt: skip
        self.status, self.deferred, self.asks_first = Status.SUBMITTED, None, bool(asks_first)
        self.attempt, self.sender, self.submitted_at, self.valid_until = attempt, sender, submitted_at, valid_until
        self.quantity, self.cost, self.price = quantity, cost, price

    @event("Deferred")
    def _deferred(self, reason: str, proof: Personal) -> None:
        self.status, self.deferred = Status.PLACED, reason

    @event("Accepted")
    def _accepted(self, exchange_order_id: str, raw: Personal) -> None:
        self.status = Status.OPEN if self.status in LIVE else self.status
        self.exchange_order_ids.append(exchange_order_id)

    @event("Rejected")
    def _rejected(self, reason: str, raw: Personal) -> None:
        self.status, self.reason = Status.REJECTED, reason

    @event("Filled")
    def _filled(
        self, trade_id: str, quantity: Decimal, price: Decimal, fee: Decimal, fee_currency: str | None,
        executed_at: datetime, maker: bool | None, raw: Personal, fee_value: Decimal | None,
    ) -> None:  # fmt: skip
        self.fills[trade_id] = quantity
        self.status = Status.OPEN if self.status in LIVE else self.status

    @event("Progressed")
    def _progressed(self, cumulative_quantity: Decimal, cumulative_cost: Decimal, raw: Personal) -> None:
        self.reported_quantity = cumulative_quantity
        self.status = Status.OPEN if self.status in LIVE else self.status

    @event("Closed")
    def _closed(self, raw: Personal) -> None:
        self.status = Status.CLOSED

    @event("Cancelled")
    def _cancelled(self, reason: str, raw: Personal) -> None:
        self.status, self.reason = Status.CANCELLED, reason

    @event("Expired")
    def _expired(self, reason: str, raw: Personal) -> None:
        self.status, self.reason = Status.EXPIRED, reason

    @event(Doubted)
    def _doubted(self, reason: str, detail: str) -> None:
        self.status, self.reason = Status.UNKNOWN, reason

    @event("StatusUnknown")
    def _status_unknown(self, native_status: str, raw: Personal) -> None:
        self.unmapped.add(native_status)

    @event(Contradicted)
    def _contradicted(self, reason: str, values: dict[str, str], raw: Personal) -> None:
        self.contradictions.add((reason, frozenset(values.items())))

    @event("Resolved")
    def _resolved(self, by: int, outcome: Status, reason: Personal) -> None:
        self.status, self.reason = outcome, reason

    @event("Corrected")
    def _corrected(self, ours: Status, theirs: Status, raw: Personal) -> None:
        self.status, self.reason = theirs, f"the exchange said {theirs}, our record said {ours}"
        self.cancel_requested, self.amendment = False, None

    @event(AmendRequested)
    def _amend_requested(
        self, client_order_id: str, quantity: Decimal | None, price: Decimal | None, valid_until: datetime,
        stop_price: Decimal | None,
    ) -> None:  # fmt: skip
        self.amendment = Amendment(client_order_id, quantity, price, valid_until, stop_price)

    @event(Amended)
    def _amended(
        self, exchange_order_id: str, quantity: Decimal | None, price: Decimal | None, raw: Personal,
        stop_price: Decimal | None,
    ) -> None:  # fmt: skip
        self.quantity = self.quantity if quantity is None else quantity
        self.price = self.price if price is None else price
        self.stop_price = self.stop_price if stop_price is None else stop_price
        self.exchange_order_ids = [*(i for i in self.exchange_order_ids if i != exchange_order_id), exchange_order_id]
        if self.amendment is not None and self.amendment.client_order_id not in self.client_order_ids:
            self.client_order_ids = [*self.client_order_ids, self.amendment.client_order_id]
        self.amendment = None

    @event("AmendRejected")
    def _amend_rejected(self, reason: str, raw: Personal) -> None:
        self.amendment = None

    @event("CancelRequested")
    def _cancel_requested(self, by: str) -> None:
        self.cancel_requested = True

    @event("CancelRejected")
    def _cancel_rejected(self, reason: str, raw: Personal) -> None:
        self.cancel_requested = False
