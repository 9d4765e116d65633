"""All read models, in the order in which they are shown."""

from projections.alerts import ALERTS
from projections.brokers import BROKERS
from projections.fills import FILLS
from projections.gains import GAINS
from projections.positions import POSITIONS
from projections.reconciliations import RECONCILIATIONS
from projections.strategies import STRATEGIES, STRATEGY_VERSIONS
from projections.streams import STREAMS
from projections.trades import TRADES
from projections.users import USERS
from projections.webhooks import WEBHOOK_TRADES, WEBHOOKS

MODELS = (
    USERS, BROKERS, WEBHOOKS, WEBHOOK_TRADES, STREAMS, TRADES, FILLS, POSITIONS, GAINS, ALERTS, RECONCILIATIONS,
    STRATEGIES, STRATEGY_VERSIONS,
)  # fmt: skip
