# The types of all events, each named by its aggregate and itself. Written by `make events`.

from datetime import date, datetime
from decimal import Decimal
from domain.aggregate import Aggregate, Personal
from domain.alert import Cause, Severity
from domain.orders.execution import Execution
from domain.orders.order_status import Status
from domain.orders.wish import Protection, Source, Wish
from domain.people.broker import Exchange, Limits, StopStyle, Usage, Venue
from domain.people.user import Preferences, Role
from domain.reconciliation import Discrepancy, Occasion, Phase, Statement
from domain.trading.position_state import Entry
from domain.webhooks.gates import Gates, Passed
from domain.webhooks.slots import Slots
from domain.webhooks.stream_state import StreamStatus
from uuid import UUID

class AlertRaised(Aggregate.Created):
    user: int
    key: str
    cause: Cause
    severity: Severity
    subject: UUID | None
    facts: dict[str, str]
    sides: dict[str, Statement] | None

class AlertSent(Aggregate.Event):
    channel: Personal

class AlertFailed(Aggregate.Event):
    channel: Personal
    attempt: int
    reason: str

class AlertAcknowledged(Aggregate.Event):
    pass

class AlertEnded(Aggregate.Event):
    pass

class BrokerConnected(Aggregate.Created):
    number: int
    user: int
    exchange: Exchange
    venue: Venue
    name: Personal

class BrokerRenamed(Aggregate.Event):
    name: Personal

class BrokerCredentialStored(Aggregate.Event):
    fingerprint: str

class BrokerTested(Aggregate.Event):
    ok: bool
    detail: str

class BrokerMarketsLoaded(Aggregate.Event):
    count: int
    shared: bool

class BrokerMadeDefault(Aggregate.Event):
    pass

class BrokerDefaultPassedOn(Aggregate.Event):
    pass

class BrokerUsageChanged(Aggregate.Event):
    usage: Usage

class BrokerLimitsChanged(Aggregate.Event):
    limits: Limits

class BrokerStopStyleChanged(Aggregate.Event):
    style: StopStyle

class BrokerOldestBarChanged(Aggregate.Event):
    bars: int | None

class BrokerGatesSet(Aggregate.Event):
    gates: Gates

class BrokerTradingStopped(Aggregate.Event):
    pass

class BrokerTradingResumed(Aggregate.Event):
    pass

class BrokerRemoved(Aggregate.Event):
    pass

class OrderAdopted(Aggregate.Created):
    order_id: UUID
    user: int
    broker: int
    wish: Wish
    source: Source
    requester: str
    client_order_id: str
    not_after: datetime | None
    cause: UUID | None
    exchange_order_id: str
    raw: Personal

class OrderDoubted(Aggregate.Event):
    reason: str
    detail: str

class OrderContradicted(Aggregate.Event):
    reason: str
    values: dict[str, str]
    raw: Personal

class OrderAmendRequested(Aggregate.Event):
    client_order_id: str
    quantity: Decimal | None
    price: Decimal | None
    valid_until: datetime
    stop_price: Decimal | None

class OrderAmended(Aggregate.Event):
    exchange_order_id: str
    quantity: Decimal | None
    price: Decimal | None
    raw: Personal
    stop_price: Decimal | None

class OrderPlaced(Aggregate.Created):
    order_id: UUID
    user: int
    broker: int
    wish: Wish
    source: Source
    requester: str
    client_order_id: str
    not_after: datetime | None
    cause: UUID | None

class OrderRefused(Aggregate.Event):
    reason: str
    detail: str

class OrderSubmitted(Aggregate.Event):
    attempt: int
    sender: UUID
    submitted_at: datetime
    valid_until: datetime
    quantity: Decimal | None
    cost: Decimal | None
    price: Decimal | None
    client_order_id: str
    proof: str
    takes_off: list[UUID] | None
    asks_first: bool | None
    ignored: list[str] | None

class OrderDeferred(Aggregate.Event):
    reason: str
    proof: Personal

class OrderAccepted(Aggregate.Event):
    exchange_order_id: str
    raw: Personal

class OrderRejected(Aggregate.Event):
    reason: str
    raw: Personal

class OrderFilled(Aggregate.Event):
    trade_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str | None
    executed_at: datetime
    maker: bool | None
    raw: Personal
    fee_value: Decimal | None

class OrderProgressed(Aggregate.Event):
    cumulative_quantity: Decimal
    cumulative_cost: Decimal
    raw: Personal

class OrderClosed(Aggregate.Event):
    raw: Personal

class OrderCancelled(Aggregate.Event):
    reason: str
    raw: Personal

class OrderExpired(Aggregate.Event):
    reason: str
    raw: Personal

class OrderStatusUnknown(Aggregate.Event):
    native_status: str
    raw: Personal

class OrderResolved(Aggregate.Event):
    by: int
    outcome: Status
    reason: Personal

class OrderCorrected(Aggregate.Event):
    ours: Status
    theirs: Status
    raw: Personal

class OrderAmendRejected(Aggregate.Event):
    reason: str
    raw: Personal

class OrderCancelRequested(Aggregate.Event):
    by: str

class OrderCancelRejected(Aggregate.Event):
    reason: str
    raw: Personal

class PlatformOpened(Aggregate.Created):
    pass

class PlatformStarted(Aggregate.Event):
    crashed: bool

class PlatformStopped(Aggregate.Event):
    pass

class PlatformTerminalUp(Aggregate.Event):
    terminal: str
    pid: int

class PlatformTerminalDown(Aggregate.Event):
    terminal: str
    code: int
    frozen: bool

class PlatformRestored(Aggregate.Event):
    backup: str
    events: int
    head: str

class PositionOpened(Aggregate.Created):
    user: int
    broker: int
    symbol: str
    owner: str
    previous: UUID | None
    dust: Decimal | None
    dust_cost: Decimal | None
    entries: list[Entry] | None
    executions: list[str] | None

class PositionEntryWanted(Aggregate.Event):
    order_id: UUID
    protection: Protection | None

class PositionExitWanted(Aggregate.Event):
    order_id: UUID

class PositionWithdrawn(Aggregate.Event):
    order_id: UUID

class PositionProtectionWanted(Aggregate.Event):
    protection: Protection
    share: Decimal
    request: UUID | None
    covered: Decimal | None
    target_share: Decimal | None
    target_covered: Decimal | None
    before: Protection | None

class PositionGrew(Aggregate.Event):
    execution: Execution
    received: Decimal

class PositionReduced(Aggregate.Event):
    execution: Execution
    quantity: Decimal
    average_entry: Decimal
    profit: Decimal
    covered: Decimal
    target_covered: Decimal | None
    target_share: Decimal | None
    covered_before: Decimal | None
    target_covered_before: Decimal | None
    target_share_before: Decimal | None
    by_protection: bool | None

class PositionDisregarded(Aggregate.Event):
    execution: Execution

class PositionClosed(Aggregate.Event):
    broker: int
    symbol: str
    owner: str
    opened_at: datetime | None
    closed_at: datetime
    quantity: Decimal
    average_entry: Decimal
    average_exit: Decimal
    gross: Decimal
    net: Decimal
    fees: dict[str, Decimal]
    dust_cost: Decimal
    request: UUID | None
    fees_left_out: bool | None
    overtaken: list[UUID] | None

class PositionProtectionResting(Aggregate.Event):
    orders: list[UUID]
    quantity: Decimal
    request: UUID | None
    watched: bool | None
    covering: Decimal | None
    overtaken: list[UUID] | None

class PositionProtectionTakenOff(Aggregate.Event):
    left: list[UUID]
    quantity: Decimal

class PositionProtectionLost(Aggregate.Event):
    reason: str
    detail: str | None
    request: UUID | None
    overtaken: list[UUID] | None

class PositionProtectionRefused(Aggregate.Event):
    reason: str
    request: UUID | None
    kept: Protection | None
    share: Decimal
    covered: Decimal
    detail: str | None
    target_share: Decimal | None
    target_covered: Decimal | None
    again: UUID | None
    overtaken: list[UUID] | None

class ReconciliationDiscrepancyFound(Aggregate.Event):
    discrepancy: Discrepancy
    raw: Personal

class ReconciliationFailed(Aggregate.Event):
    reason: str
    seconds: Decimal
    detail: str

class ReconciliationStarted(Aggregate.Created):
    run: UUID
    user: int
    broker: int
    occasion: Occasion
    started_at: datetime

class ReconciliationPhaseCompleted(Aggregate.Event):
    phase: Phase
    seconds: Decimal
    counts: dict[str, int]

class ReconciliationCompleted(Aggregate.Event):
    seconds: Decimal

class RegistryOpened(Aggregate.Created):
    pass

class RegistryUserNumbered(Aggregate.Event):
    number: int

class RegistryNameTaken(Aggregate.Event):
    number: int
    name: Personal

class RegistryNameFreed(Aggregate.Event):
    number: int

class RegistryBrokerNumbered(Aggregate.Event):
    number: int
    user: int

class RegistryStrategyNumbered(Aggregate.Event):
    number: int
    user: int

class RegistryStrategyReleased(Aggregate.Event):
    number: int

class ReplacementWanted(Aggregate.Created):
    user: int
    order_id: UUID
    request: UUID
    quantity: Decimal | None
    price: Decimal | None
    stop_price: Decimal | None

class ReplacementWantedAgain(Aggregate.Event):
    request: UUID
    quantity: Decimal | None
    price: Decimal | None
    stop_price: Decimal | None

class ReplacementCarriedOut(Aggregate.Event):
    order_id: UUID

class ReplacementFailed(Aggregate.Event):
    reason: str

class SpendingOpened(Aggregate.Created):
    broker: int
    day: date

class SpendingReserved(Aggregate.Event):
    order: UUID
    amount: Decimal

class SpendingReleased(Aggregate.Event):
    order: UUID

class StrategyOpened(Aggregate.Created):
    number: int
    user: int
    name: Personal
    description: Personal
    timeframe: str

class StrategyRenamed(Aggregate.Event):
    name: Personal
    description: Personal

class StrategyTimeframeChosen(Aggregate.Event):
    timeframe: str

class StrategyCodeChanged(Aggregate.Event):
    number: int
    digest: str
    history: int
    code: Personal

class StrategyValidated(Aggregate.Event):
    number: int
    bars: int

class StrategyInvalidated(Aggregate.Event):
    number: int
    fault: str
    line: int | None

class StrategyDeleted(Aggregate.Event):
    pass

class UserPasswordChanged(Aggregate.Event):
    by: int

class UserPreferencesChanged(Aggregate.Event):
    preferences: Preferences

class UserRegistered(Aggregate.Created):
    number: int
    name: Personal
    role: Role

class UserLoggedIn(Aggregate.Event):
    address: Personal

class UserLoggedOut(Aggregate.Event):
    pass

class UserTradingStopped(Aggregate.Event):
    pass

class UserTradingResumed(Aggregate.Event):
    pass

class UserPanicBegun(Aggregate.Event):
    panic: UUID

class UserPanicJoined(Aggregate.Event):
    request: UUID

class UserPanicLifted(Aggregate.Event):
    panic: UUID

class UserSecondFactorEnabled(Aggregate.Event):
    pass

class UserSecondFactorDisabled(Aggregate.Event):
    by: int

class UserRecoveryCodeUsed(Aggregate.Event):
    left: int

class UserChannelAdded(Aggregate.Event):
    channel: UUID
    service: str

class UserChannelRemoved(Aggregate.Event):
    channel: UUID

class UserDisabled(Aggregate.Event):
    by: int

class UserEnabled(Aggregate.Event):
    by: int

class UserForgotten(Aggregate.Event):
    number: int
    by: int

class WebhookReceived(Aggregate.Created):
    webhook_id: UUID
    user: int
    body: Personal
    encoding: str
    address: Personal
    received_at: datetime
    twin: int | None

class WebhookRepeated(Aggregate.Event):
    received_at: datetime

class WebhookTaken(Aggregate.Event):
    orders: list[UUID]

class WebhookIgnored(Aggregate.Event):
    reason: str

class WebhookRefused(Aggregate.Event):
    reason: str
    detail: Personal

class WebhookAsked(Aggregate.Event):
    until: datetime

class WebhookApproved(Aggregate.Event):
    by: int
    at: datetime

class WebhookDeclined(Aggregate.Event):
    reason: str
    by: int

class WebhookExecuted(Aggregate.Event):
    orders: list[UUID]

class WebhookFailed(Aggregate.Event):
    reason: str
    detail: Personal

class WebhookStreamCarriedForward(Aggregate.Event):
    user: int
    broker: int
    symbol: str
    interval: str
    indicator: Personal
    watched: StreamStatus
    held: StreamStatus | None
    received: int
    missed: int
    unjudged: int
    slots: Slots
    delayed: datetime | None
    gates: Gates
    passed: Passed
    asking: UUID | None

class WebhookStreamOpened(Aggregate.Created):
    user: int
    broker: int
    symbol: str
    interval: str
    indicator: Personal

class WebhookStreamArrived(Aggregate.Event):
    webhook: UUID
    slot: datetime | None
    received_at: datetime
    streak: int

class WebhookStreamMonitored(Aggregate.Event):
    by: int
    after: datetime

class WebhookStreamDelayed(Aggregate.Event):
    slot: datetime

class WebhookStreamMissed(Aggregate.Event):
    slot: datetime
    began: datetime
    consecutive: int
    streak: int
    user: int
    broker: int
    symbol: str
    interval: str
    indicator: Personal

class WebhookStreamUnjudged(Aggregate.Event):
    first: datetime
    last: datetime
    count: int
    reason: str
    user: int
    broker: int
    symbol: str
    interval: str
    indicator: Personal

class WebhookStreamBecameCritical(Aggregate.Event):
    slot: datetime
    user: int
    broker: int
    symbol: str

class WebhookStreamPaused(Aggregate.Event):
    by: int

class WebhookStreamResumed(Aggregate.Event):
    by: int
    after: datetime | None

class WebhookStreamClosed(Aggregate.Event):
    by: int
    paused: bool

class WebhookStreamGatesSet(Aggregate.Event):
    gates: Gates
    by: int

class WebhookStreamEntered(Aggregate.Event):
    at: datetime

class WebhookStreamAsked(Aggregate.Event):
    webhook: UUID

class WebhookStreamApproved(Aggregate.Event):
    webhook: UUID

class WebhookStreamLost(Aggregate.Event):
    at: datetime
