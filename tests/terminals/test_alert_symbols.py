"""An alert about a webhook names its market as the console does, as far as its ticker is unambiguous."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.aggregate import carrying
from domain.webhooks.webhook import Webhook
from tests.conftest import NOW


@pytest.mark.parametrize(
    ("ticker", "more", "said"),
    [
        ("ETHUSDT", "", "ETH/USDT"),
        ("BINANCE:ETHUSDT", "", "ETH/USDT"),
        ("eth/usdt", "", "ETH/USDT"),
        ("ETHBTC", ',"Currency":"BTC","BaseCurrency":"ETH"', "ETH/BTC"),
        ("ETHBTC", ',"Currency":"BTC"', "ETH/BTC"),
        ("ETHBTC", ',"BaseCurrency":"ETH"', "ETH/BTC"),
        ("ETHBTC", "", "ETHBTC"),
        ("ETHUSDT", ',"Currency":"BTC"', "ETHUSDT"),
        ("ETHUSDT", ',"BaseCurrency":"BTC"', "ETHUSDT"),
        ("USDT", "", "USDT"),
    ],
)
def test_an_entry_that_came_too_late_names_its_market(trouble, ticker, more, said):
    """A ticker that contradicts its currencies, or could be split in another way, stays as it was sent."""
    body = f'{{"Symbol":"{ticker}","Action":"BuyMarket","PourCent":50,"UserID":1,"UserExchangeID":1{more}}}'
    with carrying(user="1"):
        webhook = Webhook.receive(uuid4(), 1, body.encode(), "192.0.2.1", NOW)
        webhook.ignore("stale")
        trouble.store.save(webhook)
    trouble.judge()
    [raised] = trouble.events("Alert.Raised")
    assert raised.facts["symbol"] == said
