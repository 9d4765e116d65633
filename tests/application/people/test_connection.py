"""Keys are tried step by step, and a failure of the exchange is part of the verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from application.people.connection import try_connection
from tests.application.trader import exchange_away

pytestmark = pytest.mark.exchanges("binance", "bitget")


async def tried(trading, **changed):
    """Try the keys of an account, some of them changed; return the verdict and the steps."""
    steps = []

    async def tell(step):
        steps.append(step)

    return await try_connection(trading.client, replace(trading.credentials, **changed), tell), steps


async def test_keys_that_work_show_what_they_may_and_what_is_held(open_trading):
    async with open_trading(USDT="1000", BTC="0.5") as trading:
        verdict, steps = await tried(trading)
        assert steps == ["reaching", "account", "rights"]
        assert (verdict.ok, verdict.answered, verdict.code, verdict.may_trade) == (True, True, None, True)
        assert verdict.balances == {"BTC": "0.5", "USDT": "1000"}


async def test_keys_that_are_refused_are_a_definite_no(open_trading):
    async with open_trading(USDT="1000") as trading:
        verdict, steps = await tried(trading, secret="another secret")
        assert steps == ["reaching", "account"]
        assert (verdict.ok, verdict.answered, verdict.balances) == (False, True, {})
        assert verdict.code


async def test_an_exchange_that_does_not_answer_says_nothing_of_the_keys(open_trading, monkeypatch):
    """It is told as silence, after the step at which it was met."""
    async with open_trading(USDT="1000") as trading:
        monkeypatch.setattr(trading.client, "balances", exchange_away)
        verdict, steps = await tried(trading)
        assert steps == ["reaching", "account"]
        assert (verdict.ok, verdict.answered) == (False, False)
