"""What the door's bodies mean: the Pine template as it really arrives, and everything that must never be traded."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.refusals import Invalid
from domain.signal import Action, Signal, unparsable_id

NOW = datetime(2026, 3, 2, 9, 30, 20, tzinfo=UTC)
TEMPLATE = (
    '{"Symbol":"BTCUSDT","Exchange":"BINANCE","Currency":"USDT","BaseCurrency":"BTC","Interval":"5",'
    '"Open":1.5,"High":"2","Low":1e-05,"Close":1.5,"Volume":12,"BarTime":2026-03-02T09:25:00Z,"Action":BuyLimit,'
    '"Prix":64000.5,"PrixSL":NaN,"PrixTP":na,"PourCent":66,"UserID":1,"IndicateurName":EMA (10, 20),'
    '"UserExchangeID":"2"}'
)


def alert(**changed: str) -> bytes:
    """A BuyMarket alert with some values as they stand in the text; None leaves a field out."""
    pairs = {"Symbol": '"BTCUSDT"', "Action": '"BuyMarket"', "PourCent": "50", "UserID": "1", "UserExchangeID": "1"}
    pairs |= {"BarTime": '"2026-03-02T09:25:00Z"', **changed}
    return ("{" + ",".join(f'"{key}":{value}' for key, value in pairs.items() if value is not None) + "}").encode()


def test_the_template_as_it_arrives():
    """Bare words where the template has no quotes, numbers quoted or not, NaN and na as absent."""
    signal = Signal.parse(TEMPLATE.encode())
    assert signal.action is Action.BUY_LIMIT
    assert (signal.price, signal.stop_loss, signal.take_profit, signal.low) == (
        Decimal("64000.5"), None, None, Decimal("0.00001"),
    )  # fmt: skip
    assert signal.bar_time == datetime(2026, 3, 2, 9, 25, tzinfo=UTC)
    assert (signal.indicator, signal.user, signal.broker, signal.percent) == ("EMA (10, 20)", 1, 2, Decimal(66))


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + alert(),
        alert().replace(b",", b",\r\n"),
        alert().replace(b"}", b",}"),
        "{“Action”:“PING”}".encode(),
        alert(Comment='"with \\"quotes\\" and, commas"'),
        alert(Prix="null"),
    ],
)
def test_harmless_noise_is_read(body):
    """A byte-order mark, CRLF, a trailing comma, smart quotes, unknown fields."""
    assert Signal.parse(body).action in {Action.BUY_MARKET, Action.PING}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "body_empty"),
        (b" \r\n", "body_empty"),
        (b"\xff\xfe{", "not_utf8"),
        (b"buy BTCUSDT 0.01", "not_one_object"),
        (b"Action=BuyMarket\nSymbol=BTCUSDT", "not_one_object"),
        (b"[" + alert() + b"]", "not_one_object"),
        (alert() + b"\n" + alert(), "not_one_object"),
        (b'{"a":{"b":{"c":1}}}', "not_one_object"),
        (alert(Action='"{{strategy.order.action}}"'), "placeholder_unresolved"),
        (alert(Action='"BuyMarket","Action":"SellMarket"'), "key_twice"),
        (alert(Action='"BUY"'), "action_unknown"),
        (alert(Action=None), "action_unknown"),
        (alert(Comment='"broken\nline"'), "not_json"),
        (b'{"Action":"PING" "Open":1}', "not_json"),
        (alert(Prix='"None"'), "not_a_number"),
        (alert(Prix="Infinity"), "not_a_number"),
        (alert(UserID="1.5"), "not_a_number"),
        (alert(PourCent="0"), "percent_out_of_range"),
        (alert(PourCent="101"), "percent_out_of_range"),
        (alert(PourCent="-1"), "not_positive"),
        (alert(PourCent="NaN"), "percent_missing"),
        (alert(Action='"BuyLimit"', Prix="NaN"), "price_missing"),
        (alert(Symbol=None), "field_missing"),
        (alert(UserExchangeID=None), "field_missing"),
        (alert(BarTime='"yesterday"'), "not_a_time"),
        (alert(BarTime='"9999-12-31T23:59:59-12:00"'), "not_a_time"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_reason(body, code):
    """Nothing is guessed."""
    with pytest.raises(Invalid) as refused:
        Signal.parse(body)
    assert refused.value.code == code


@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda text: ('{"Action":' + text + "}").encode(errors="replace")),
    )
)
def test_nothing_but_a_refusal_comes_out_of_noise(body):
    """Whatever bytes arrive, the answer is a signal or a reason."""
    with suppress(Invalid):
        assert Signal.parse(body).action in set(Action)


def test_the_same_alert_is_the_same_webhook():
    """However the numbers are written and whenever it is delivered again."""
    one, two = Signal.parse(alert(Prix="1.50")), Signal.parse(alert(Prix='"1.5"'))
    assert one.webhook_id(1, NOW) == two.webhook_id(1, NOW.replace(hour=23))
    assert one.webhook_id(1, NOW) != one.webhook_id(2, NOW)


def test_two_limits_on_one_bar_are_two_webhooks():
    """All parsed fields belong to the key."""
    ids = {Signal.parse(alert(Action='"BuyLimit"', Prix=price)).webhook_id(1, NOW) for price in ("100", "101")}
    assert len(ids) == 2


def test_without_a_bar_time_the_minute_of_reception_counts():
    """A retry some seconds later is the same, an alert of the next minute is another."""
    signal = Signal.parse(alert(BarTime=None))
    assert signal.webhook_id(1, NOW) == signal.webhook_id(1, NOW.replace(second=59))
    assert signal.webhook_id(1, NOW) != signal.webhook_id(1, NOW.replace(minute=31))
    assert unparsable_id(1, b"x", NOW) == unparsable_id(1, b"x", NOW.replace(second=1))
    assert unparsable_id(1, b"x", NOW) != unparsable_id(1, b"y", NOW)
