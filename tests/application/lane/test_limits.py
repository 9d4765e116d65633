"""The spending limits for one broker's entries: per order and per day, in the currency of the limits."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from application.orders.lookups import PROOF_AFTER
from application.ports.errors import NotAccepted, RefusedByExchange
from domain.aggregate import carrying
from domain.orders.order_status import ENDED, Status
from domain.orders.wish import Side, Type
from domain.people.broker import Broker, Limits
from domain.trading.spending import Spending
from domain.webhooks.webhook import WebhookStatus
from tests.application.trader import HELD, LISTS, STOP, TARGET

pytestmark = pytest.mark.exchanges("binance", "bitget")

DAY = 86400
MANY = {"USDT": "100000", "BTC": "1"}


def limit(trading, currency="USDT", **amounts):
    """Limit what the broker's entries may spend from now on."""
    broker = trading.store.get(Broker, Broker.create_id(1))
    with carrying(user="1"):
        broker.limit(Limits(currency, **{name: Decimal(amount) for name, amount in amounts.items()}))
        trading.store.save(broker)


async def ended(trading, **wish):
    """Return the status and the reason of a wish, once it rests or has ended."""
    order = await trading.becomes(await trading.wish(**wish), Status.OPEN, *ENDED)
    return order.status, order.reason


def spent(trading):
    """Return the amount that entries have taken of today's limit by the lane's clock, None if nothing was taken."""
    spending = trading.store.find(Spending, Spending.create_id(1, trading.now.date()))
    return None if spending is None else spending.spent


def events(trading, *topics):
    """Return the events of these topics, with their log positions."""
    return trading.store.read(0, topics=topics)


BOUGHT = (Status.CLOSED, None)
RESTS = (Status.OPEN, None)
TOO_MUCH = (Status.REFUSED, "limit_per_order")
TOO_MUCH_TODAY = (Status.REFUSED, "limit_per_day")
LIMIT = {"type": Type.LIMIT, "price": Decimal(40000)}


@pytest.mark.parametrize(
    ("allowed", "above"),
    [
        ({"cost": Decimal(500)}, {"cost": Decimal("500.01")}),
        ({"percent": Decimal("0.5")}, {"percent": Decimal(1)}),
        ({"quantity": Decimal("0.01")}, {"quantity": Decimal("0.01001")}),
        ({**LIMIT, "quantity": Decimal("0.0125")}, {**LIMIT, "quantity": Decimal("0.01251")}),
        ({"symbol": "ETH/USDT", "cost": Decimal(500)}, {"symbol": "ETH/USDT", "quantity": Decimal("0.2001")}),
    ],
)
async def test_an_entry_above_the_limit_per_order_is_refused(open_trading, allowed, above):
    """An entry is valued by cost, share or quantity, at its own price or the last. Nothing reaches the exchange."""
    async with open_trading(**MANY) as trading:
        limit(trading, per_order="500")
        assert await ended(trading, **above) == TOO_MUCH
        assert not trading.client.asked["place"]
        assert await ended(trading, **allowed) in {BOUGHT, RESTS}
        assert len(trading.on_exchange()) == 1
        assert not events(trading, "Spending.Opened")


async def test_all_entries_of_a_day_count_together(open_trading):
    """Entries by cost and by quantity, in any market, add up to the last cent of the limit and no further."""
    async with open_trading(**MANY) as trading:
        limit(trading, per_day="1000")
        assert await ended(trading, cost=Decimal(250)) == BOUGHT
        assert await ended(trading, quantity=Decimal("0.005"), **LIMIT) == RESTS
        assert await ended(trading, symbol="ETH/USDT", cost=Decimal("249.5")) == BOUGHT
        assert await ended(trading, cost=Decimal("300.51")) == TOO_MUCH_TODAY
        assert spent(trading) == Decimal("699.5")
        assert await ended(trading, cost=Decimal("300.5")) == BOUGHT
        assert await ended(trading, symbol="ETH/USDT", cost=Decimal(10)) == TOO_MUCH_TODAY
        assert len(trading.on_exchange()) == trading.client.asked["place"] == 4


async def test_a_new_day_starts_anew(open_trading):
    """The day changes at midnight UTC. Spending of the day before stays in that day's stream."""
    async with open_trading(**MANY) as trading:
        limit(trading, per_day="500")
        assert await ended(trading, cost=Decimal(400)) == BOUGHT
        midnight = (trading.now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        trading.pass_by((midnight - trading.now).total_seconds() - 1)
        assert await ended(trading, cost=Decimal(400)) == TOO_MUCH_TODAY
        yesterday = trading.now.date()
        trading.pass_by(1)
        assert await ended(trading, cost=Decimal(400)) == BOUGHT
        assert trading.store.get(Spending, Spending.create_id(1, yesterday)).spent == spent(trading) == 400
        trading.pass_by(DAY)
        assert spent(trading) is None


@pytest.mark.parametrize(
    ("currency", "wish", "worth"),
    [
        ("USDT", {"symbol": "ETH/BTC", "quantity": Decimal("0.2"), **LIMIT, "price": Decimal("0.04")}, Decimal(400)),
        ("BTC", {"symbol": "ETH/USDT", "cost": Decimal(500)}, Decimal("0.01")),
        ("USDC", {"symbol": "BTC/USDT", "cost": Decimal(500)}, Decimal(625)),
    ],
)
async def test_what_is_paid_in_another_currency_is_valued_at_the_last_price(open_trading, currency, wish, worth):
    """The market between the two currencies gives the price, whichever of them is its base."""
    async with open_trading(**MANY) as trading:
        trading.hold("USDC/USDT", "0.8")
        for amount, outcome in ((worth - Decimal("0.001"), Status.REFUSED), (worth, None)):
            limit(trading, currency, per_order=str(amount), per_day="100000")
            status, reason = await ended(trading, **wish)
            assert (status, reason) == (outcome or status, "limit_per_order" if outcome else None)
        assert spent(trading) == worth
        assert trading.client.asked["place"] == 1


async def test_what_no_market_values_is_refused(open_trading):
    """Nothing is sent while no market gives a price by which the entry counts towards the limit."""
    async with open_trading(**MANY) as trading:
        limit(trading, "EUR", per_day="1000000")
        assert await ended(trading, cost=Decimal(10)) == (Status.REFUSED, "limit_not_computable")
        assert not trading.client.asked["place"]
        limit(trading, "USDT", per_day="1000000")
        assert await ended(trading, cost=Decimal(10)) == BOUGHT


ENDS = {
    "the exchange says no": (RefusedByExchange("no", code="filter_failed"), Status.REJECTED),
    "it never takes it": (NotAccepted("429", code="busy"), Status.REFUSED),
}


@pytest.mark.parametrize("how", ENDS)
async def test_the_share_of_an_entry_that_was_not_taken_is_free_again(open_trading, how):
    """The exchange refused the entry, or never took it in several attempts. Its share is reserved once and released."""
    error, end = ENDS[how]
    async with open_trading(**MANY) as trading:
        limit(trading, per_day="500")

        async def refuse():
            if trading.client.asked["place"] == 2:
                trading.pass_by(61)
            raise error

        trading.client.before["place"] = refuse
        until = trading.now + timedelta(seconds=60)
        assert (await ended(trading, cost=Decimal(500), not_after=until))[0] is end
        await trading.until(lambda: spent(trading) == 0)
        topics = [one.topic for one in events(trading, "Spending.Opened", "Spending.Reserved", "Spending.Released")]
        assert topics == ["Spending.Opened", "Spending.Reserved", "Spending.Released"]
        del trading.client.before["place"]
        assert await ended(trading, cost=Decimal(500)) == BOUGHT
        assert await ended(trading, cost=Decimal(500)) == TOO_MUCH_TODAY


async def test_the_share_of_an_entry_in_doubt_is_taken_until_its_absence_is_proven(open_trading):
    """Once absence is proven nothing was spent, and the whole limit is available again."""
    async with open_trading(**MANY) as trading:
        limit(trading, per_day="500")
        trading.fault("place_order", "lose_request")
        order = await trading.becomes(await trading.wish(cost=Decimal(400)), Status.UNKNOWN)
        assert await ended(trading, symbol="ETH/USDT", cost=Decimal(400)) == TOO_MUCH_TODAY
        trading.now = order.valid_until + PROOF_AFTER
        await trading.becomes(order.id, Status.REJECTED)
        await trading.known()
        assert await ended(trading, symbol="ETH/USDT", cost=Decimal(400)) == BOUGHT


async def test_exits_are_never_limited(open_trading):
    """Neither limit applies to exits, and exits use up neither."""
    async with open_trading(**MANY) as trading:
        limit(trading, per_order="10", per_day="10")
        assert await ended(trading, side=Side.SELL, quantity=Decimal("0.5")) == BOUGHT
        limit(trading, "EUR", per_order="10", per_day="10")
        assert await ended(trading, side=Side.SELL, percent=Decimal(100)) == BOUGHT
        assert spent(trading) is None


async def test_protection_is_never_limited(at):
    """Protection is placed, moved and executed, while an entry of its size is refused and fails its webhook."""
    async with at(LISTS) as trader:
        limit(trader.trading, per_order="500", per_day="500")
        await trader.buy(STOP, TARGET)
        limit(trader.trading, per_order="10", per_day="10")
        assert await trader.alert("BuyMarket", PourCent="50") == (WebhookStatus.FAILED, "limit_per_order")
        assert await trader.alert("MAJ", PrixSL="46000") == (WebhookStatus.EXECUTED, None)
        await trader.protected(HELD, ("stop_loss", Decimal(46000)), TARGET)
        trader.trading.hold("BTC/USDT", "45500")
        await trader.closed()
        assert trader.sold() == HELD


async def test_the_reservation_stands_in_the_log_with_the_intent(open_trading):
    """Both are one commit: their log positions are adjacent. Every event names its user and order in its metadata."""
    async with open_trading(**MANY) as trading:
        # Given two entries that are executed and a third that is refused
        limit(trading, per_day="500")
        first, second = [await trading.wish(cost=Decimal(200)), await trading.wish(cost=Decimal(100))]

        async def refuse():
            raise RefusedByExchange("no", code="filter_failed")

        await trading.becomes(second, Status.CLOSED)
        trading.client.before["place"] = refuse
        third = await trading.wish(cost=Decimal(200))
        await trading.until(lambda: events(trading, "Spending.Released"))
        # Then each reservation follows its intent in the log
        log = {one.position: one for one in trading.store.read(0)}
        commits = {
            first: ["Order.Submitted", "Spending.Opened", "Spending.Reserved"],
            second: ["Order.Submitted", "Spending.Reserved"],
            third: ["Order.Submitted", "Spending.Reserved"],
        }
        for order_id, topics in commits.items():
            [at] = [p for p, e in log.items() if e.topic == "Order.Submitted" and e.event.originator_id == order_id]
            assert [log[at + step].topic for step in range(len(topics))] == topics
            assert log[at + len(topics) - 1].event.order == order_id
        # And each event names its user and order
        said = [one.event for one in log.values() if one.topic.startswith("Spending.")]
        about = [first, first, second, third, third]
        assert [one.metadata for one in said] == [
            {"user": "1", "source": "gateway", "correlation_id": str(o), "causation_id": str(o)} for o in about
        ]
