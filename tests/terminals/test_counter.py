"""Requests to the gateway over the bus, and what it does when a broker's keys change or a broker is removed."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
import redis

from adapters.bus import REQUESTS
from adapters.exchanges.bitget import client as bitget
from adapters.exchanges.catalogue import CATALOGUE
from adapters.paper.pairs import PAIRS
from application.people.brokers import remove_broker
from application.ports.requests import ANSWERED_BY, Action, GatewayAway
from application.ports.statements import Credentials
from aristobot.terminals.gateway import days, quotes
from domain.orders.order import Order
from domain.orders.order_status import Status
from domain.people.broker import Exchange, Venue
from tests.terminals.at_work import platform_for

ABOUT_A_BROKER = set(Action) - set(ANSWERED_BY) - {Action.HALT, Action.PANIC, Action.CANDLES}
"""The actions of the gateway that name a broker: halts and panics are about all of them, candles are everybody's."""


@pytest.fixture
def platform(database, valkey, tmp_path, monkeypatch):
    return platform_for(database, valkey, tmp_path, monkeypatch)


# --- trying keys -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("may_withdraw", [False, True])
async def test_keys_that_work_are_told_step_by_step(platform, may_withdraw):
    """The answer has the balances, including what resting orders lock, and the rights of the keys."""
    async with platform() as house:
        account, keys = house.account(may_withdraw=may_withdraw, USDT="1000.50", BTC="0.1")
        pair, resting = PAIRS["BTC/USDT"], {"quantity": Decimal("0.01"), "price": Decimal(40000)}
        house.server.paper.ledger.place(account, pair, client_order_id="c", side="buy", type="limit", **resting)
        steps, end = await house.try_keys(await house.user(), keys)
        assert steps == ["exchange", "reaching", "account", "rights"]
        assert (end.success, end.data["ok"], end.data["answered"], end.data["code"]) == (True, True, True, None)
        assert end.data["balances"] == {"BTC": "0.1", "USDT": "1000.5"}
        assert (end.data["may_trade"], end.data["may_withdraw"]) == (True, may_withdraw)


async def test_keys_that_the_exchange_refuses_are_a_definite_no(platform):
    """Neither an unknown key nor a wrong secret is taken for silence."""
    async with platform() as house:
        user, (_, keys) = await house.user(), house.account()
        for wrong, code in (
            (Credentials("nobody", keys.secret), "key_refused"),
            (Credentials(keys.key, "no"), "signature_refused"),
        ):
            _, end = await house.try_keys(user, wrong)
            assert (end.success, end.data["ok"], end.data["answered"]) == (True, False, True)
            assert end.data["code"] == code


async def test_an_account_of_another_kind_is_told_as_what_it_is(platform, monkeypatch):
    """Bitget's classic accounts are traded, and each key belongs to one environment."""
    async with platform() as house:
        here = bitget.paper_hosts(house.house.settings.paper_urls["bitget"])
        monkeypatch.setitem(CATALOGUE[Exchange.BITGET].hosts, Venue.TESTNET, here)
        user, (_, classic), (_, unified) = (
            await house.user(), house.account(exchange="bitget"), house.account(exchange="bitget", unified=True),
        )  # fmt: skip
        for keys, venue, code in (
            (classic, "paper", None), (unified, "paper", "account_unified"),
            (classic, "testnet", "environment_refused"),
        ):  # fmt: skip
            _, end = await house.try_keys(user, keys, exchange="bitget", venue=venue)
            assert (end.success, end.data["answered"]) == (True, True)
            assert (end.data["ok"], end.data["code"]) == (code is None, code)


@pytest.mark.parametrize("known", [False, True])
async def test_an_exchange_that_is_away_is_no_answer(platform, known):
    """The keys are neither proven nor refused then, whether or not the exchange was there before."""
    async with platform(away=not known) as house:
        user, (_, keys) = await house.user(), house.account()
        if known:
            await house.try_keys(user, keys)
            await house.server.stop()
        _, end = await house.try_keys(user, keys)
        told = end.data or {"ok": False, "answered": False, "code": end.code}
        assert (told["ok"], told["answered"]) == (False, False)
        assert told["code"] in {"exchange_unreachable", "no_answer"}


async def test_a_brokers_own_keys_are_tried_for_its_owner_only(platform):
    """Another user's broker and a number without a broker are both `not_found`."""
    async with platform() as house:
        mine, other = await house.user(), await house.user("another")
        broker = await house.connect(mine, house.account()[1])
        _, end = await house.ask(mine, Action.TEST_CONNECTION, broker_id=broker)
        assert end.data["ok"]
        for user, number in ((other, broker), (mine, broker + 1)):
            for action in ABOUT_A_BROKER:
                _, end = await house.ask(user, action, broker_id=number)
                assert (end.success, end.data, end.code) == (False, None, "not_found")


# --- requests that fail ------------------------------------------------------------------------------------------


async def test_without_a_gateway_whoever_asks_is_told_so(platform):
    """`GatewayAway` is raised, and the outcome of the request stays unknown."""
    async with platform() as house:
        user = await house.user()
        await house.close()
        with pytest.raises(GatewayAway):
            await house.ask(user, Action.LOAD_MARKETS, seconds=0.2, broker_id=1)


async def test_a_request_that_nobody_waits_for_any_more_is_dropped(platform):
    """A gateway that comes back does not carry out requests to its predecessor."""
    async with platform() as house:
        user = await house.user()
        broker = await house.connect(user, house.account()[1])
        await house.until(house.loaded)
        with pytest.raises(GatewayAway):
            await house.ask(user, Action.LOAD_MARKETS, seconds=0.2, age=31, broker_id=broker)
        await house.ask(user, Action.TEST_CONNECTION, broker_id=broker)
        assert len(house.loaded()) == 1


@pytest.mark.parametrize("text", [b"garbage", b'{"user_id":1,"action":"dance","params":{}}'])
async def test_what_is_no_request_stops_no_other(platform, valkey, text):
    """The counter goes on with the next request."""
    async with platform() as house:
        user, (_, keys) = await house.user(), house.account()
        with redis.Redis.from_url(valkey.url) as client:
            client.rpush(REQUESTS, text)
        _, end = await house.try_keys(user, keys)
        assert end.data["ok"]


# --- markets -----------------------------------------------------------------------------------------------------


async def test_markets_are_loaded_once_for_all_brokers_of_an_exchange(platform):
    """The second broker shares them. An explicit request loads them again."""
    async with platform() as house:
        user = await house.user()
        first = await house.connect(user, house.account()[1], "one")
        await house.until(lambda: house.loaded(first) == [(len(PAIRS), False)])
        second = await house.connect(user, house.account()[1], "two")
        await house.until(lambda: house.loaded(second) == [(len(PAIRS), True)])
        _, end = await house.ask(user, Action.LOAD_MARKETS, broker_id=second)
        assert (end.success, end.data) == (True, {"count": len(PAIRS), "shared": False})
        assert house.loaded(second)[1:] == [(len(PAIRS), False)]
        assert len(house.house.markets.of("binance", "paper")) == len(PAIRS)


async def test_the_day_of_all_markets_is_asked_once_for_all_who_look(platform, monkeypatch):
    """Everyone gets the same answer for half a minute."""
    async with platform() as house:
        user = await house.user()
        broker = await house.connect(user, house.account()[1])
        await house.until(house.loaded)
        _, first = await house.ask(user, Action.DAY_TICKERS, broker_id=broker)
        assert len(first.data["days"]) == len(PAIRS)
        opened, last, volume = (Decimal(text) for text in first.data["days"]["BTCUSDT"])
        assert min(opened, last, volume) > 0
        _, second = await house.ask(user, Action.DAY_TICKERS, broker_id=broker)
        assert second.data == first.data
        monkeypatch.setattr(days, "GOOD_SECONDS", 0)
        _, third = await house.ask(user, Action.DAY_TICKERS, broker_id=broker)
        assert third.data["at"] > first.data["at"]


async def test_a_price_is_asked_once_a_second_for_all_who_look(platform, monkeypatch):
    """It is that of the broker's own exchange. A pair that is not listed has none."""
    async with platform() as house:
        user = await house.user()
        broker = await house.connect(user, house.account()[1])
        await house.until(house.loaded)
        house.server.paper.prices.hold("BTC/USDT", Decimal("51234.5"))
        _, first = await house.ask(user, Action.QUOTE, broker_id=broker, symbol="BTC/USDT")
        assert Decimal(first.data["last"]) == Decimal("51234.5")
        house.server.paper.prices.hold("BTC/USDT", Decimal(52000))
        monkeypatch.setattr(quotes, "GOOD_SECONDS", 3600)
        _, second = await house.ask(user, Action.QUOTE, broker_id=broker, symbol="BTC/USDT")
        assert second.data["last"] == first.data["last"]
        monkeypatch.setattr(quotes, "GOOD_SECONDS", 0)
        _, third = await house.ask(user, Action.QUOTE, broker_id=broker, symbol="BTC/USDT")
        assert Decimal(third.data["last"]) == Decimal(52000)
        _, none = await house.ask(user, Action.QUOTE, broker_id=broker, symbol="NO/WAY")
        assert (none.success, none.code) == (False, "symbol_unknown")


async def test_no_markets_of_an_exchange_that_is_away_are_recorded(platform):
    """The markets are loaded once the exchange is there; nothing is recorded before that."""
    async with platform(away=True) as house:
        user = await house.user()
        broker = await house.connect(user, house.account()[1])
        await house.until(lambda: "lane_not_open" in house.log.said)
        await house.server.start()
        await house.ask(user, Action.LOAD_MARKETS, broker_id=broker)
        assert {count for count, _ in house.loaded()} == {len(PAIRS)}


# --- brokers that change -----------------------------------------------------------------------------------------


async def test_changed_keys_are_used_for_the_next_order_and_by_a_new_stream(platform):
    """A fill on the new account is heard, and the old account gets no further order."""
    async with platform() as house:
        # Given an order on the old account.
        user, (old, old_keys), (new, new_keys) = await house.user(), house.account(), house.account()
        broker = await house.connect(user, old_keys)
        before = await house.wish(broker, cost=Decimal(100))
        # When the keys are changed and another order is placed.
        await house.change(user, broker, new_keys)
        after = await house.wish(broker)
        # Then that order is on the new account, and its fill is heard.
        assert house.orders_of(old) == [before.client_order_id]
        assert house.orders_of(new) == [after.client_order_id]
        await house.until(lambda: house.gateway.figures()["streams"] == 1)
        await house.until(lambda: not house.gateway.lanes[broker].look_ups)
        house.server.paper.prices.hold("BTC/USDT", Decimal(39000))
        await house.until(lambda: house.store.get(Order, after.id).status is Status.CLOSED)


async def test_a_corrected_secret_of_the_same_key_is_used(platform):
    """The secret was mistyped when the broker was connected; the key itself has not changed."""
    async with platform() as house:
        user, (account, keys) = await house.user(), house.account()
        broker = await house.connect(user, Credentials(keys.key, "mistyped"))
        await house.until(lambda: house.gateway.figures()["lanes"] == 1)
        await house.change(user, broker, keys)
        order = await house.wish(broker)
        assert order.status is Status.OPEN
        assert house.orders_of(account) == [order.client_order_id]


async def test_a_removed_broker_has_no_lane_any_more(platform):
    """Its stream ends, its keys are not tried and its markets not loaded. The other broker's lane stays."""
    async with platform() as house:
        # Given two brokers with lanes and streams.
        user = await house.user()
        gone = await house.connect(user, house.account()[1], "gone")
        stays = await house.connect(user, house.account()[1], "stays")
        await house.until(lambda: house.gateway.figures()["streams"] == 2 and house.loaded(gone))
        # When one of them is removed.
        await asyncio.to_thread(remove_broker, house.web.store, house.web.vault, user, gone)
        await house.until(lambda: house.gateway.figures()["lanes"] == 1)
        # Then only the other one still works.
        assert house.gateway.figures()["streams"] == 1
        assert (await house.wish(stays)).status is Status.OPEN
        for action in ABOUT_A_BROKER:
            _, end = await house.ask(user, action, broker_id=gone)
            assert end.code == "not_found"
