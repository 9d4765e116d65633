"""The unmodified ccxt package places, moves and cancels stops, targets and lists on the paper exchange."""

from __future__ import annotations

import asyncio

import ccxt
import pytest

from tests.exchanges.binance.test_ccxt_binance import independent

SYMBOL = "BTC/USDT"


async def holds(paper, price):
    """Move the price to this value."""
    await asyncio.to_thread(paper.hold, SYMBOL, price)


@pytest.mark.parametrize(
    ("kind", "price", "parameters", "native", "jump"),
    [
        ("market", None, {"stopLossPrice": 48000}, "STOP_LOSS", "47000"),
        ("market", None, {"takeProfitPrice": 52000}, "TAKE_PROFIT", "53000"),
        ("limit", 46500, {"stopLossPrice": 48000}, "STOP_LOSS_LIMIT", "47000"),
        ("limit", 52500, {"takeProfitPrice": 52000}, "TAKE_PROFIT_LIMIT", "53000"),
        ("market", None, {"trailingPercent": 1, "stopLossOrTakeProfit": "stopLoss"}, "STOP_LOSS", "49000"),
    ],
)
async def test_it_places_triggers_that_are_carried_out(paper, kind, price, parameters, native, jump):
    """Each order rests untriggered, and is filled when the market reaches its price."""
    async with independent(paper, BTC="0.1") as client:
        placed = await client.create_order(SYMBOL, kind, "sell", 0.1, price, parameters)
        resting = await client.fetch_order(placed["id"], SYMBOL)
        await holds(paper, jump)
        done = await client.fetch_order(placed["id"], SYMBOL)
    assert (resting["status"], resting["info"]["type"], resting["info"]["isWorking"]) == ("open", native, False)
    assert (done["status"], done["filled"]) == ("closed", 0.1)


async def test_a_trigger_on_the_wrong_side_is_refused(paper):
    """The message is Binance's, so ccxt raises its own exception."""
    async with independent(paper, BTC="0.1") as client:
        with pytest.raises(ccxt.OrderImmediatelyFillable):
            await client.create_order(SYMBOL, "market", "sell", 0.1, None, {"stopLossPrice": 51000})


async def test_it_replaces_a_limit_order(paper):
    """On spot, ccxt's `edit_order` uses Binance's cancel-replace."""
    async with independent(paper) as client:
        placed = await client.create_order(SYMBOL, "limit", "buy", 0.01, 40000)
        edited = await client.edit_order(placed["id"], SYMBOL, "limit", "buy", 0.02, 41000)
        resting = await client.fetch_open_orders(SYMBOL)
    assert [(o["id"], o["price"], o["amount"]) for o in resting] == [(edited["id"], 41000, 0.02)]
    assert edited["id"] != placed["id"]


async def test_it_amends_a_quantity_in_place(paper):
    """The endpoint is called directly, and ccxt signs the request."""
    async with independent(paper) as client:
        placed = await client.create_order(SYMBOL, "limit", "buy", 0.02, 40000)
        asked = {"symbol": "BTCUSDT", "orderId": placed["id"], "newQty": "0.01"}
        told = await client.request("order/amend/keepPriority", "private", "PUT", asked)
        after = await client.fetch_order(placed["id"], SYMBOL)
    assert (told["amendedOrder"]["qty"], after["amount"], after["status"]) == ("0.01000000", 0.01, "open")


@pytest.mark.parametrize(("jump", "won"), [("47000", 1), ("53000", 0)])
async def test_of_a_list_one_order_ends_the_other(paper, jump, won):
    """The list is placed, listed, carried out and cancelled by direct calls of the endpoints."""
    async with independent(paper, BTC="0.2") as client:
        asked = {
            "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.1", "aboveType": "LIMIT_MAKER",
            "abovePrice": "52000", "belowType": "STOP_LOSS", "belowStopPrice": "48000",
        }  # fmt: skip
        made = await client.private_post_orderlist_oco(asked)
        kept = await client.private_post_orderlist_oco({**asked, "abovePrice": "60000", "belowStopPrice": "40000"})
        await holds(paper, jump)
        legs = [await client.fetch_order(leg["orderId"], SYMBOL) for leg in made["orders"]]
        resting = await client.private_get_openorderlist()
        await client.private_delete_orderlist({"symbol": "BTCUSDT", "orderListId": kept["orderListId"]})
        assert await client.fetch_open_orders(SYMBOL) == []
    assert [leg["status"] for leg in legs] == ["closed" if number == won else "expired" for number in (0, 1)]
    assert [one["orderListId"] for one in resting] == [kept["orderListId"]]
