"""Alerts as TradingView sends them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.refusals import Invalid
from domain.webhooks.webhook_message import WebhookMessage

NOW = datetime(2026, 3, 2, 9, 30, 20, tzinfo=UTC)
TEMPLATE = (
    '{"Symbol":"BTCUSDT","Exchange":"BINANCE","Currency":"USDT","BaseCurrency":"BTC","Interval":"5",'
    '"Open":1.5,"High":"2","Low":1e-05,"Close":1.5,"Volume":12,"BarTime":2026-03-02T09:25:00Z,"Action":BuyLimit,'
    '"Prix":64000.5,"PrixSL":NaN,"PrixTP":na,"PourCent":66,"UserID":1,"IndicateurName":EMA (10, 20),'
    '"UserExchangeID":"2"}'
)


def alert(**changed: str) -> bytes:
    """Return a BuyMarket alert with some values replaced by this raw JSON text; None leaves a field out."""
    pairs = {"Symbol": '"BTCUSDT"', "Action": '"BuyMarket"', "PourCent": "50", "UserID": "1", "UserExchangeID": "1"}
    pairs |= {"BarTime": '"2026-03-02T09:25:00Z"', **changed}
    return ("{" + ",".join(f'"{key}":{value}' for key, value in pairs.items() if value is not None) + "}").encode()


def refusal_of(body: bytes) -> tuple[str, str | None]:
    with pytest.raises(Invalid) as refused:
        WebhookMessage.parse(body)
    return refused.value.code, refused.value.field


def id_of(body: bytes, moment: datetime = NOW) -> UUID:
    return WebhookMessage.parse(body).webhook_id(1, moment)
