"""Answers that no paper exchange gives: each is served as it stands, and proves no more than it says."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from aiohttp import web

from adapters.exchanges.bitget.client import Bitget
from application.ports.errors import NoAnswer, NotAccepted, OrderNotFound, RefusedByExchange, Unreadable
from application.ports.statements import Credentials, OrderRequest, PartlyUnreadable
from domain.orders.order_status import Status
from domain.orders.wish import Side, Type
from tests.exchanges.bitget.test_bitget_answers import BTC, ORDER
from tests.exchanges.bitget.test_bitget_plans import PLAN
from tests.support.ports import neighbours

ALICE, BOB = Credentials("alice", "secret", "phrase"), Credentials("bob", "secret", "phrase")
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
NOT_FOUND = (400, {"code": "43001", "msg": "The order does not exist"})
EXECUTED = {**PLAN, "orderId": "10", "status": "executed"}
TICKER = {"symbol": "BTCUSDT", "lastPr": "50000", "open": "", "bidPr": "", "askPr": "", "quoteVolume": ""}
CANCELLED = {**PLAN, "orderId": "11", "clientOid": "other", "status": "cancelled"}
CHILD = {**ORDER, "orderId": "500", "clientOid": "made-there", "side": "sell", "orderType": "market", "price": ""}


class Scripted:
    """A Bitget that answers from a script: the data, or status and body, by the last word of the path and by key.

    The last answer to a question is given for ever. What the script does not know has an empty list as its data.
    """

    def __init__(self) -> None:
        self.script: dict[str, list] = {}
        self.asked: list[tuple[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        word, key = request.path.rpartition("/")[2], request.headers.get("ACCESS-KEY", "")
        self.asked.append((key, word))
        found = self.script.get(f"{key}:{word}", self.script.get(word, [_empty(word)]))
        told = found.pop(0) if len(found) > 1 else found[0]
        status, body = told if isinstance(told, tuple) else (200, {"code": "00000", "msg": "", "data": told})
        return web.Response(status=status, text=body if isinstance(body, str) else json.dumps(body))

    def times(self, word: str) -> int:
        return sum(asked == word for _, asked in self.asked)


def _empty(word: str) -> object:
    return {"orderList": []} if "plan-order" in word else []


def page(*plans):
    return {"orderList": [*plans]}


@asynccontextmanager
async def serving(**script):
    """Serve a script, whose names have `_` for `-`, and yield it with a client."""
    there, port = Scripted(), neighbours(1)
    there.script = {name.replace("_", "-"): [*told] for name, told in script.items()}
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", there.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    client = Bitget(f"http://127.0.0.1:{port}", "ws://127.0.0.1:1", "ws://127.0.0.1:1")
    try:
        yield there, client
    finally:
        await client.close()
        await runner.cleanup()


def wish(**changed) -> OrderRequest:
    return OrderRequest("mine", BTC, Side.SELL, Type.MARKET, Decimal("0.01"), **changed)


@pytest.mark.parametrize("status", [201, 202, 302, 400, 408])
async def test_a_success_under_another_status_is_no_refusal(status):
    """The order may be there."""
    told = (status, {"code": "00000", "msg": "success", "data": {"orderId": "9"}})
    async with serving(place_order=[told]) as (_, client):
        with pytest.raises(NoAnswer):
            await client.place(ALICE, wish())


async def test_a_time_out_at_the_gateway_is_silence():
    async with serving(place_order=[(408, {"code": "40000", "msg": "Request Timeout"})]) as (_, client):
        with pytest.raises(NoAnswer):
            await client.place(ALICE, wish())


async def test_nobody_is_asked_about_another_accounts_plans():
    """Bitget knows no plan of Bob's under Alice's key. Her orders are told all the same."""
    script = {
        "bob:current-plan-order": [page(PLAN), page()], "tickers": [[TICKER]],
        "alice:unfilled-orders": [[{**CHILD, "priceAvg": ""}], []], "plan-sub-order": [NOT_FOUND],
    }  # fmt: skip
    async with serving(**script) as (there, client):
        assert [one.waits for one in await client.open_orders(BOB)] == [True]
        assert [one.exchange_order_id for one in await client.open_orders(ALICE)] == ["500"]
        assert ("alice", "plan-sub-order") not in there.asked


async def test_a_plan_is_found_although_the_spot_orders_know_no_such_name():
    async with serving(orderInfo=[NOT_FOUND], current_plan_order=[page(PLAN), page()]) as (_, client):
        assert (await client.query(ALICE, BTC, "mine")).exchange_order_id == PLAN["orderId"]


@pytest.mark.parametrize("told", [NOT_FOUND, []])
async def test_an_executed_plan_whose_order_is_archived_hides_no_other(told):
    """It is named as one that says nothing, and asked for alone it proves nothing."""
    script = {
        "history_plan_order": [page(EXECUTED, CANCELLED), page()],
        "plan_sub_order": [[{"orderId": "500"}]], "orderInfo": [told],
    }  # fmt: skip
    async with serving(**script) as (there, client):
        with pytest.raises(PartlyUnreadable) as partly:
            await client.orders_since(ALICE, BTC, SINCE)
        assert [one.exchange_order_id for one in partly.value.reports] == ["11"]
        assert [one.exchange_order_id for one in partly.value.scraps] == ["10"]
        there.script["history-plan-order"] = [page(EXECUTED)]
        with pytest.raises(NoAnswer):
            await client.query(ALICE, BTC, "mine")


@pytest.mark.parametrize("code", ["43026", "22001", "45031", "45055", "50062"])
async def test_what_is_executed_is_taken_off_where_it_rests(code):
    """The plan order is closed: what it has become rests, and is what the cancel means."""
    resting = {**CHILD, "orderType": "limit", "price": "48000"}
    script = {
        "cancel_plan_order": [(400, {"code": code, "msg": "closed"})], "current_plan_order": [page(PLAN), page()],
        "history_plan_order": [page({**EXECUTED, "orderId": PLAN["orderId"]})], "orderInfo": [[resting]],
        "plan_sub_order": [[{"orderId": "500"}]], "cancel_order": [{"orderId": "500"}],
    }  # fmt: skip
    async with serving(**script) as (there, client):
        await client._plans("/api/v2/spot/trade/current-plan-order", ALICE, "BTCUSDT", urgent=True)
        there.script["orderInfo"] = [[resting], [{**resting, "status": "cancelled"}]]
        report = await client.cancel(ALICE, BTC, "mine")
        assert (report.exchange_order_id, report.state) == (PLAN["orderId"], Status.CANCELLED)
        assert there.times("cancel-order") == 1


async def test_an_order_that_is_still_to_be_made_is_asked_for_again():
    """Its row has no id yet. Adopted, it would be looked for for ever."""
    script = {
        "history_plan_order": [page(EXECUTED)], "orderInfo": [[], [{**CHILD, "status": "filled"}]],
        "plan_sub_order": [[{"orderId": "", "status": "in_progress"}], [{"orderId": "500", "status": "success"}]],
    }  # fmt: skip
    async with serving(**script) as (_, client):
        asked = [await client.query(ALICE, BTC, "mine") for _ in range(2)]
        assert [(one.exchange_order_id, one.state) for one in asked] == [("10", Status.OPEN), ("10", Status.CLOSED)]


async def test_while_it_is_not_known_what_a_plan_has_become_no_order_is_called_a_strangers():
    script = {
        "unfilled_orders": [[{**CHILD, "priceAvg": ""}], []], "history_plan_order": [page(EXECUTED), page()],
        "plan_sub_order": [[], [{"orderId": "500"}]],
    }  # fmt: skip
    async with serving(**script) as (there, client):
        with pytest.raises(NoAnswer):
            await client.open_orders(ALICE)
        there.script |= {
            "unfilled-orders": [[{**CHILD, "priceAvg": ""}], []],
            "history-plan-order": [page(EXECUTED), page()],
        }
        assert [one.exchange_order_id for one in await client.open_orders(ALICE)] == ["10"]


async def test_an_answer_about_another_order_proves_nothing():
    fill = {
        "orderId": "999", "tradeId": "1", "priceAvg": "1", "size": "1", "tradeScope": "taker", "cTime": ORDER["cTime"],
        "feeDetail": {"feeCoin": "BTC", "totalFee": "0"},
    }  # fmt: skip
    async with serving(orderInfo=[[ORDER]], fills=[[fill], []]) as (there, client):
        with pytest.raises(Unreadable):
            await client.query(ALICE, BTC, "another")
        with pytest.raises(Unreadable):
            await client.fills_of(ALICE, BTC, "7")
        there.script["fills"] = [[{**fill, "orderId": "7", "tradeId": "x"}]]
        with pytest.raises(Unreadable):
            await client.fills_of(ALICE, BTC, "7")


async def test_without_a_price_a_plan_is_neither_a_stop_nor_a_target_yet():
    script = {
        "current_plan_order": [page(PLAN), page(), page(PLAN), page()],
        "tickers": [[{**TICKER, "lastPr": ""}], [TICKER]],
    }  # fmt: skip
    async with serving(**script) as (_, client):
        assert [one.type for one in await client.open_orders(ALICE)] == [None]
        assert [one.type for one in await client.open_orders(ALICE)] == [Type.STOP_LOSS]


@pytest.mark.parametrize("told", [{}, [], "", {"orderList": 1}])
async def test_a_list_of_plans_without_its_list_is_not_an_empty_one(told):
    async with serving(current_plan_order=[told]) as (_, client):
        with pytest.raises(Unreadable):
            await client.open_orders(ALICE)


@pytest.mark.parametrize("odd", [{"cTime": "1622697148"}, {"clientOid": None}, {"size": "x"}])
async def test_an_order_that_says_nothing_is_named_and_hides_no_other(odd):
    """A time in seconds would put it before every list; an id that is null is none."""
    both = [{**ORDER, "orderId": "8", "priceAvg": "", **odd}, {**ORDER, "orderId": "7", "priceAvg": ""}]
    async with serving(unfilled_orders=[both, []]) as (_, client):
        with pytest.raises(PartlyUnreadable) as partly:
            await client.open_orders(ALICE)
        assert [one.exchange_order_id for one in partly.value.reports] == ["7"]
        assert [one.exchange_order_id for one in partly.value.scraps] == ["8"]


async def test_too_frequent_is_not_carried_out():
    async with serving(place_order=[(400, {"code": "25004", "msg": "too frequent"})]) as (_, client):
        with pytest.raises(NotAccepted):
            await client.place(ALICE, wish())


async def test_a_refusal_is_a_refusal():
    """And what Bitget does not know is not there."""
    refused = (400, {"code": "43012", "msg": "Insufficient balance"})
    async with serving(place_order=[refused], orderInfo=[NOT_FOUND]) as (_, client):
        with pytest.raises(RefusedByExchange):
            await client.place(ALICE, wish())
        with pytest.raises(OrderNotFound):
            await client.query(ALICE, BTC, "mine")
