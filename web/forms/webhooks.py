"""Webhooks from TradingView."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from web.forms.trading import Position, Trade
from web.forms.values import Amount, Gates


class Webhook(BaseModel):
    """A webhook and its outcome. `body` is the text as delivered. The fields parsed from it are null where it has none.

    `bars_old` counts the bars from the end of its bar to its reception; null where its bar or interval names no time.
    `repeats` counts further deliveries of the same alert. `holding` is the share of the account's worth (percent) that
    it wants held. One that is `asked` waits for its trader's approval until `answer_until`. A `twin` is one that a
    paper broker carries out beside the broker that it names.

    `slot` is the time at which its stream expected it. Rows of webhooks that did not come stand at that time, without a
    body. `missed` ones have the action `MISS` and are number `consecutive` of the row that began at `streak_began`.
    `unjudged` ones stand for so many `slots` up to `last_slot`, of which nobody knows: the door could not be reached.
    """

    id: UUID
    broker_id: int | None
    received_at: datetime
    body: str
    action: str | None
    symbol: str | None
    exchange: str | None
    interval: str | None
    price: Amount | None
    stop_loss: Amount | None
    take_profit: Amount | None
    percent: Amount | None
    holding: Amount | None
    indicator: str | None
    bar_time: datetime | None
    bars_old: float | None
    status: str
    reason: str | None
    detail: str | None
    repeats: int
    stream_id: UUID | None
    slot: datetime | None
    last_slot: datetime | None
    slots: int | None
    consecutive: int | None
    streak_began: datetime | None
    answer_until: datetime | None
    twin: bool
    updated_at: datetime


class Webhooks(BaseModel):
    """A page of webhooks, newest first. `next` is the cursor of the following page, null on the last."""

    items: list[Webhook]
    next: str | None


class WebhookCounts(BaseModel):
    """The number of webhooks since the beginning.

    `total` have come, each also counted in its status; `received`, `asked`, `approved` and `taken` ones have no outcome
    yet. `missed` did not come, `unjudged` slots are counted neither way. `success` is total in percent of total and
    missed, cut to two places, null before the first. `gravity` is ok, warning or critical; `streak` is the longest row
    of MISS now, and `critical` the number of streams that have paused themselves.
    """

    total: int
    missed: int
    unjudged: int
    success: Amount | None
    gravity: str
    streak: int
    critical: int
    received: int
    asked: int
    approved: int
    executed: int
    failed: int
    refused: int
    ignored: int
    taken: int


class StreamSignal(BaseModel):
    """One webhook of a stream: how late (seconds) after its slot it came, and the slippage of its order in percent.

    A positive slippage is a worse price than the chart's at the time of the alert.
    """

    received_at: datetime
    delay: float | None
    slippage: float | None


class WebhookStream(BaseModel):
    """A stream of webhooks: the alerts of one pair, interval and indicator at one broker.

    `status` is unmonitored, monitored, closed, paused (by its trader) or critical (by itself). `can_be_monitored` is
    false where the interval names no period of a minute or more. `next_due` is the slot of the next alert, `delayed`
    one that is overdue and not yet a MISS. `success` is as in the counts; `signals` are the newest webhooks, oldest
    first. `changed_by` is the user who last changed the status, 0 for the stream itself, null for none. `approvals` is
    the number of entries that its trader has approved, of the first ones that the gates name.
    """

    id: UUID
    broker_id: int
    symbol: str
    interval: str
    indicator: str
    status: str
    can_be_monitored: bool
    gravity: str
    received: int
    missed: int
    unjudged: int
    success: Amount | None
    streak: int
    delayed: datetime | None
    next_due: datetime | None
    last_slot: datetime | None
    last_received_at: datetime | None
    changed_by: int | None
    changed_at: datetime
    gates: Gates
    approvals: int
    signals: list[StreamSignal]


class WebhookStreams(BaseModel):
    """The user's streams, those that were heard last first."""

    items: list[WebhookStream]
    next: str | None = None


class Resumption(BaseModel):
    """A request to resume a stream, or without one all that have paused themselves."""

    stream: UUID | None = None


class WebhookPosition(Position):
    """A position that webhooks have opened, with the orders of its current trade, newest first.

    `stop_quantity` and `target_quantity` (base) are what is planned to be sold at the stop and at the target.
    """

    stop_quantity: Amount
    target_quantity: Amount
    orders: list[Trade]


class WebhookPositions(BaseModel):
    """The open positions of webhooks, newest first."""

    items: list[WebhookPosition]
    next: str | None = None


class Approval(BaseModel):
    """An entry that waits for its trader's approval until `until`, as it would be carried out now.

    `price` (quote per base) is its limit, or the last price that is known, at most 30 s old while the exchange answers,
    else that of the alert's chart; `cost` (`quote`) about what would be spent before fees. `stop_distance` is that of
    the stop below the price, in percent, and `risk` (`quote`) what would be lost there. Each is null while it cannot be
    told.
    """

    webhook: UUID
    broker_id: int
    symbol: str
    quote: str
    action: str
    indicator: str | None
    interval: str | None
    received_at: datetime
    until: datetime
    percent: Amount | None
    holding: Amount | None
    price: Amount | None
    cost: Amount | None
    quantity: Amount | None
    stop_loss: Amount | None
    take_profit: Amount | None
    stop_distance: Amount | None
    risk: Amount | None


class Approvals(BaseModel):
    """The entries that wait for the user's approval, the oldest first."""

    items: list[Approval]
    next: str | None = None


class Trial(BaseModel):
    """An alert to be tried: its message as TradingView would send it."""

    body: Annotated[str, Field(min_length=1, max_length=10_000)]


class DoorAnswer(BaseModel):
    """The door's answer to a test: its HTTP status and the time it took, both null when it was not reached."""

    status: int | None
    milliseconds: float | None


class WebhookUrl(BaseModel):
    """The user's webhook address for TradingView, with the token."""

    url: str
