"""An order of a ticket is sent exactly as it was validated, once, or refused with what has changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.orders.agenda import Task
from application.trading.tickets import execute
from application.trading.weighing import Asked, Means, Unit, weighed
from domain.market import PriceBand
from domain.orders.order_status import Status
from domain.orders.wish import Protection, Side, Source, TimeInForce, Type
from domain.refusals import Impossible, Invalid, NotFound
from domain.ticket import REQUESTER, SENDABLE_FOR, VALID_FOR, Ticket, revision_of
from tests.conftest import NOW
from tests.domain.test_market import MARKET

LAST = Decimal(50)
MEANS = Means(Decimal(1000), LAST, worth=Decimal(2000), fee=Decimal("0.001"))
amounts = st.decimals(min_value="0.000001", max_value=10**6, places=6)


def asked(amount="10", unit=Unit.BASE, side=Side.BUY, kind=Type.MARKET, **more):
    prices = {name: Decimal(value) if isinstance(value, str) else value for name, value in more.items()}
    return Asked(MARKET.symbol, side, kind, unit, Decimal(amount), **prices)


def refused(typed, means=MEANS, market=MARKET):
    with pytest.raises(Invalid) as error:
        weighed(typed, market, means)
    return error.value.code, error.value.field


# --- what it comes to ------------------------------------------------------------------------------------------------


def test_an_amount_in_base_has_a_cost_and_a_fee():
    found = weighed(asked("2"), MARKET, MEANS)
    assert (found.wish.quantity, found.wish.cost, found.price) == (Decimal(2), None, LAST)
    assert (found.quantity, found.cost, found.fee) == (Decimal(2), Decimal(100), Decimal("0.1"))


def test_an_amount_in_quote_sizes_a_market_buy_by_its_cost_and_everything_else_by_its_quantity():
    assert weighed(asked("100", Unit.QUOTE), MARKET, MEANS).wish.cost == Decimal(100)
    limit = weighed(asked("100", Unit.QUOTE, kind=Type.LIMIT, price="40"), MARKET, MEANS).wish
    assert (limit.quantity, limit.cost, limit.time_in_force) == (Decimal("2.5"), None, TimeInForce.GTC)
    assert weighed(asked("100", Unit.QUOTE, Side.SELL), MARKET, MEANS).wish.quantity == Decimal(2)


def test_a_share_is_of_what_is_free_and_a_risk_of_what_all_is_worth():
    assert weighed(asked("50", Unit.PERCENT), MARKET, MEANS).wish.cost == Decimal(500)
    found = weighed(asked("1", Unit.RISK, stop_loss="45", take_profit="65"), MARKET, MEANS)
    # 1 % of 2000 is lost when 4 are sold 5 below: that is what is bought.
    assert (found.wish.quantity, found.loss, found.gain) == (Decimal(4), Decimal(20), Decimal(60))
    assert found.wish.protection == Protection(Decimal(45), Decimal(65))


def test_a_bounded_market_order_is_a_limit_order_that_never_rests():
    for side, price in ((Side.BUY, "50.5"), (Side.SELL, "49.5")):
        wish = weighed(asked("2", side=side, max_slippage="1"), MARKET, MEANS).wish
        assert (wish.type, wish.price, wish.time_in_force) == (Type.LIMIT, Decimal(price), TimeInForce.IOC)


@pytest.mark.parametrize("side", Side)
def test_a_bound_changes_neither_the_size_nor_what_it_is_judged_by(side):
    """No more is spent than was typed, and no more is sold: at the last price, 100 USDT are two coins."""
    found = weighed(asked("100", Unit.QUOTE, side, max_slippage="50"), MARKET, MEANS)
    assert found.price == LAST
    assert found.wish.quantity * max(found.wish.price, LAST) <= 100
    assert found.quantity == (Decimal(2) if side is Side.SELL else MARKET.round_quantity(Decimal(100) / 75))


def test_a_bound_between_two_ticks_is_the_nearer_one():
    coarse = replace(MARKET, price_tick=Decimal("0.2"))
    for side, price in ((Side.BUY, "50.4"), (Side.SELL, "49.6")):
        assert weighed(asked("2", side=side, max_slippage="1.1"), coarse, MEANS).wish.price == Decimal(price)


def test_a_share_is_sized_by_what_a_triggered_buy_may_pay():
    wish = weighed(asked("50", Unit.PERCENT, kind=Type.STOP_LOSS, stop_price="60"), MARKET, MEANS).wish
    wish.check()
    assert (wish.percent, wish.cost, wish.quantity) == (None, None, MARKET.round_quantity(Decimal(500) / 60))


def test_a_limit_beyond_the_markets_band_is_refused_before_it_is_sent():
    """Behind a trigger, the band lies around that."""
    narrow = replace(MARKET, sell_band=PriceBand(Decimal("0.95"), Decimal("1.05")))
    assert refused(asked("2", side=Side.SELL, kind=Type.LIMIT, price="40"), market=narrow) == ("price_too_far", "price")
    far = asked("2", side=Side.SELL, kind=Type.STOP_LOSS_LIMIT, stop_price="40", price="39")
    assert weighed(far, narrow, MEANS).wish.price == Decimal(39)


def test_a_limit_that_the_market_has_passed_is_expected_at_the_market():
    found = weighed(asked("2", kind=Type.LIMIT, price="60", stop_loss="45"), MARKET, MEANS)
    assert (found.price, found.cost, found.loss) == (LAST, Decimal(100), Decimal(10))


def test_where_a_market_buy_is_sized_by_its_cost_it_is_validated_as_such():
    market = replace(MARKET, buys_by_quantity=False)
    wish = weighed(asked("2"), market, MEANS).wish
    assert (wish.quantity, wish.cost) == (None, Decimal(100))


@given(
    amount=amounts, unit=st.sampled_from(Unit), side=st.sampled_from(Side), kind=st.sampled_from(Type),
    price=st.none() | amounts, trigger=st.none() | amounts, stop=st.none() | amounts, target=st.none() | amounts,
)  # fmt: skip
def test_what_was_validated_is_validated_again_as_it_stands(amount, unit, side, kind, price, trigger, stop, target):
    """Whatever is typed is rounded for good, so that weighing it again changes nothing, or it is refused."""
    typed = Asked(
        MARKET.symbol, side, kind, unit, amount, price=price, stop_price=trigger, stop_loss=stop, take_profit=target
    )
    try:
        wish = weighed(typed, MARKET, MEANS).wish
    except Invalid:
        return
    size = {"unit": Unit.QUOTE, "amount": wish.cost} if wish.quantity is None else {
        "unit": Unit.BASE, "amount": wish.quantity
    }  # fmt: skip
    again = replace(typed, price=wish.price, stop_price=wish.stop_price, **size)
    assert weighed(again, MARKET, MEANS).wish == wish


@pytest.mark.parametrize(
    ("typed", "code", "field"),
    [
        (asked("0"), "not_positive", "amount"),
        (asked("NaN"), "not_positive", "amount"),
        (asked("1e400"), "not_positive", "amount"),
        (asked("0.00000001"), "quantity_below_minimum", "quantity"),
        (asked("30"), "insufficient_funds", "amount"),
        (asked("30", kind=Type.LIMIT, price="50"), "insufficient_funds", "quantity"),
        (asked("2", kind=Type.LIMIT), "price_missing", "price"),
        (asked("2", kind=Type.LIMIT, price="-1"), "not_positive", "price"),
        (asked("2", price="50"), "price_not_taken", "price"),
        (asked("2", kind=Type.STOP_LOSS), "trigger_missing", "stop_price"),
        (asked("101", Unit.PERCENT), "percent_out_of_range", "amount"),
        (asked("10", Unit.RISK, stop_loss="45"), "insufficient_funds", "amount"),
        (asked("2", kind=Type.LIMIT, price="60", stop_loss="55"), "stop_not_below", "stop_loss"),
        (asked("2", stop_loss="50.2", max_slippage="1"), "stop_not_below", "stop_loss"),
        (asked("2", kind=Type.STOP_LOSS, stop_price="49"), "trigger_passed", "stop_price"),
        (asked("2", kind=Type.TAKE_PROFIT, stop_price="50"), "trigger_passed", "stop_price"),
        (asked("2", side=Side.SELL, kind=Type.STOP_LOSS, stop_price="51"), "trigger_passed", "stop_price"),
        (asked("2", side=Side.SELL, kind=Type.TAKE_PROFIT, stop_price="49"), "trigger_passed", "stop_price"),
        (asked("1", Unit.RISK), "risk_needs_stop", "stop_loss"),
        (asked("101", Unit.RISK, stop_loss="45"), "percent_out_of_range", "amount"),
        (asked("2", stop_loss="50"), "stop_not_below", "stop_loss"),
        (asked("2", take_profit="50"), "target_not_above", "take_profit"),
        (asked("2", side=Side.SELL, stop_loss="45"), "protection_not_taken", "stop_loss"),
        (asked("2", max_slippage="51"), "slippage_out_of_range", "max_slippage"),
        (asked("2", max_slippage="0"), "not_positive", "max_slippage"),
        (asked("2", kind=Type.LIMIT, price="50", max_slippage="1"), "slippage_not_taken", "max_slippage"),
    ],
)
def test_what_could_not_be_sent_is_refused_by_its_field(typed, code, field):
    assert refused(typed) == (code, field)


def test_what_is_not_known_is_not_guessed():
    assert refused(asked("1", Unit.RISK, stop_loss="45"), replace(MEANS, worth=None)) == ("worth_unknown", "amount")
    assert weighed(asked("2"), MARKET, replace(MEANS, fee=None)).fee is None
    assert refused(asked("3"), replace(MEANS, most=Decimal(100))) == ("limit_per_order", "amount")
    assert weighed(asked("3", side=Side.SELL), MARKET, replace(MEANS, most=Decimal(100))).cost == Decimal(150)


# --- its execution ---------------------------------------------------------------------------------------------------


class Desk:
    """Tickets of one user at the lane of `trading`."""

    def __init__(self, trading):
        self.trading = trading

    def ticket(self, **typed):
        """Return a validated ticket for BTC/USDT at 50,000, with 1,000 USDT free."""
        given = {
            "symbol": "BTC/USDT",
            "side": Side.BUY,
            "type": Type.MARKET,
            "unit": Unit.QUOTE,
            "amount": Decimal(100),
        }
        market = self.trading.markets["BTC/USDT"]
        means = Means(Decimal(1000), Decimal(50000))
        wish = weighed(Asked(**{**given, **typed}), market, means).wish
        return Ticket(uuid4(), 1, "a session", 1, wish, revision_of(market), self.trading.now)

    async def execute(self, ticket, *, market=None):
        """Execute a ticket, and tell the lane as the log would."""
        market = market or self.trading.markets["BTC/USDT"]
        found = await asyncio.to_thread(execute, self.trading.store, ticket, market, self.trading.now)
        self.trading.lane.agenda.put(Task.SEND, found)
        return found


@pytest.mark.exchanges("binance", "bitget")
@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"unit": Unit.BASE, "amount": Decimal("0.004")},
        {"type": Type.LIMIT, "price": Decimal("50000.00"), "unit": Unit.BASE, "amount": Decimal("0.0041234567")},
        {"max_slippage": Decimal(1)},
        {"stop_loss": Decimal(45000), "take_profit": Decimal(60000)},
    ],
    ids=["cost", "quantity", "limit", "bounded", "protected"],
)
async def test_it_is_sent_as_it_stands(open_trading, typed):
    async with open_trading() as trading:
        desk = Desk(trading)
        ticket = desk.ticket(**typed)
        order = await trading.becomes(await desk.execute(ticket), Status.CLOSED)
        assert (order.quantity, order.cost, order.price) == (ticket.wish.quantity, ticket.wish.cost, ticket.wish.price)
        assert (order.source, order.requester, order.id) == (Source.MANUAL, REQUESTER, ticket.id)
        assert order.not_after == trading.now + SENDABLE_FOR


async def test_four_executions_at_once_make_one_order(open_trading):
    async with open_trading() as trading:
        desk = Desk(trading)
        ticket = desk.ticket()
        assert {*await asyncio.gather(*(desk.execute(ticket) for _ in range(4)))} == {ticket.id}
        await trading.becomes(ticket.id, Status.CLOSED)
        assert len(trading.on_exchange()) == 1
        # And the answer stays the same, long after.
        trading.pass_by(3600)
        assert await desk.execute(ticket, market=None) == ticket.id
        assert len(trading.on_exchange()) == 1


async def test_after_its_time_it_is_not_executed(open_trading):
    async with open_trading() as trading:
        desk = Desk(trading)
        ticket = desk.ticket()
        trading.pass_by(VALID_FOR.total_seconds() + 1)
        with pytest.raises(Impossible) as refusal:
            await desk.execute(ticket)
        assert refusal.value.code == "ticket_expired"
        assert await trading.read("Order") == []


async def test_rules_that_change_refuse_it_before_and_after_its_execution(open_trading):
    """Its amount would be rounded to another one: it is not sent at all."""
    async with open_trading() as trading:
        desk = Desk(trading)
        ticket = desk.ticket(type=Type.LIMIT, price=Decimal("40000.01"), unit=Unit.BASE, amount=Decimal("0.00412"))
        market = replace(trading.markets["BTC/USDT"], quantity_step=Decimal("0.001"))
        with pytest.raises(Impossible) as refusal:
            await desk.execute(ticket, market=market)
        assert refusal.value.code == "rules_changed"
        trading.markets.renew([market])
        late = await asyncio.to_thread(
            execute, trading.store, replace(ticket, rules=revision_of(market)), market, trading.now
        )
        trading.lane.agenda.put(Task.SEND, late)
        order = await trading.becomes(late, Status.REFUSED)
        assert (order.reason, trading.on_exchange()) == ("rules_changed", [])


async def test_a_trigger_is_sent_as_it_stands_or_not_at_all(open_trading):
    async with open_trading(USDT="1000", BTC="1") as trading:
        market = replace(trading.markets["BTC/USDT"], price_tick=Decimal("0.1"))
        sale = {"side": Side.SELL, "type": Type.STOP_LOSS, "unit": Unit.BASE, "amount": Decimal("0.01")}
        ticket = Desk(trading).ticket(**sale, stop_price=Decimal("40000.06"))
        trading.markets.renew([market])
        ticket = replace(ticket, rules=revision_of(market))
        await asyncio.to_thread(execute, trading.store, ticket, market, trading.now)
        trading.lane.agenda.put(Task.SEND, ticket.id)
        order = await trading.becomes(ticket.id, Status.REFUSED)
        assert order.reason == "rules_changed"


async def test_money_that_is_gone_meanwhile_refuses_it(open_trading):
    """A webhook has spent it in the same second: the exchange is not asked for less."""
    async with open_trading() as trading:
        desk = Desk(trading)
        ticket = desk.ticket(amount=Decimal(900))
        await trading.becomes(await trading.wish(cost=Decimal(500), source=Source.WEBHOOK), Status.CLOSED)
        order = await trading.becomes(await desk.execute(ticket), Status.REFUSED)
        assert order.reason == "insufficient_funds"


def test_it_belongs_to_one_session_of_one_user():
    wish = weighed(asked("2"), MARKET, MEANS).wish
    ticket = Ticket(uuid4(), 1, "here", 1, wish, revision_of(MARKET), NOW)
    ticket.check_owner(1, "here")
    for user, session in ((2, "here"), (1, "elsewhere")):
        with pytest.raises(NotFound):
            ticket.check_owner(user, session)
    ticket.check(MARKET, NOW + VALID_FOR)
    for market, now in ((MARKET, NOW + VALID_FOR + timedelta(seconds=1)), (None, NOW)):
        with pytest.raises(Impossible):
            ticket.check(market, now)


# --- a trigger that follows the price --------------------------------------------------------------------------------


def test_a_trailing_stop_is_sized_by_where_it_would_trigger_now():
    """Selling it is expected below the price, buying it above; it needs no trigger of its own."""
    sale = weighed(asked("2", side=Side.SELL, kind=Type.STOP_LOSS, trailing="1"), MARKET, MEANS)
    assert (sale.wish.trailing, sale.wish.stop_price, sale.price) == (100, None, Decimal("49.5"))
    buy = weighed(asked("50", Unit.PERCENT, kind=Type.STOP_LOSS, trailing="2"), MARKET, MEANS)
    assert (buy.wish.trailing, buy.wish.quantity) == (200, MARKET.round_quantity(Decimal(500) / 51))


@pytest.mark.parametrize(("kind", "trailing", "code"), [
    (Type.STOP_LOSS, "0.05", "trailing_out_of_range"), (Type.STOP_LOSS, "21", "trailing_out_of_range"),
    (Type.STOP_LOSS, "1.005", "trailing_out_of_range"), (Type.STOP_LOSS, "-1", "not_positive"),
    (Type.MARKET, "1", "trigger_not_taken"),
])  # fmt: skip
def test_a_distance_that_no_exchange_takes_is_refused(kind, trailing, code):
    assert refused(asked("2", side=Side.SELL, kind=kind, trailing=trailing))[0] == code
