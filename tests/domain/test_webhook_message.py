"""The bodies posted to the door: the Pine template as it really arrives, and all that must never be traded."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.refusals import Invalid
from domain.webhooks.webhook import Webhook
from domain.webhooks.webhook_message import Action, WebhookMessage, unparsable_id
from tests.domain.alerts import NOW, TEMPLATE, alert, id_of, refusal_of


def test_the_template_as_it_arrives():
    """Bare words stand where the template has no quotes, numbers are quoted or not, NaN and na mean absent."""
    message = WebhookMessage.parse(TEMPLATE.encode())
    assert message.action is Action.BUY_LIMIT
    assert (message.price, message.stop_loss, message.take_profit, message.low) == (
        Decimal("64000.5"), None, None, "1e-05",
    )  # fmt: skip
    assert message.bar_time == datetime(2026, 3, 2, 9, 25, tzinfo=UTC)
    assert (message.indicator, message.user, message.broker, message.percent) == ("EMA (10, 20)", 1, 2, Decimal(66))


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + alert(),
        alert().replace(b",", b",\r\n"),
        alert().replace(b"}", b",}"),
        "{“Action”:“PING”}".encode(),
        alert(Comment='"with \\"quotes\\" and, commas"'),
        alert(Prix="null"),
        alert(Comment='"{braces} in } a { text"'),
        alert(Comment='"a “curly” text"', IndicateurName='"„quoted”, twice"'),
        alert(Comment="true"),
    ],
)
def test_harmless_noise_is_read(body):
    """A byte-order mark, CRLF, a trailing comma, smart quotes and unknown fields do no harm."""
    assert WebhookMessage.parse(body).action in {Action.BUY_MARKET, Action.PING}


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
        (b'{"a":{"b":1,"b":2}}', "not_one_object"),
        (alert(Comment='{"Action":"SellMarket"}'), "not_one_object"),
        (alert(Comment="[1]"), "not_json"),
        (alert(Comment='"}"') + b"\n" + alert(), "not_one_object"),
        (alert(Comment='"}"') + alert(Comment='"{"'), "not_one_object"),
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
        (alert(PrixSL="-1"), "not_positive"),
        (alert(PrixTP='"1,234.5"'), "not_a_number"),
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
        WebhookMessage.parse(body)
    assert refused.value.code == code


@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda text: ('{"Action":' + text + "}").encode(errors="replace")),
    )
)
def test_nothing_but_a_refusal_comes_out_of_noise(body):
    """Any bytes yield a webhook message or a reason."""
    with suppress(Invalid):
        assert WebhookMessage.parse(body).action in set(Action)


def test_the_same_alert_is_the_same_webhook():
    """The identity depends neither on how numbers are written nor on the time of a repeat, but on the user."""
    one, two = WebhookMessage.parse(alert(Prix="1.50")), WebhookMessage.parse(alert(Prix='"1.5"'))
    assert one.webhook_id(1, NOW) == two.webhook_id(1, NOW.replace(hour=23))
    assert one.webhook_id(1, NOW) != one.webhook_id(2, NOW)


def test_two_limits_on_one_bar_are_two_webhooks():
    """All parsed fields are part of the identity."""
    ids = {WebhookMessage.parse(alert(Action='"BuyLimit"', Prix=price)).webhook_id(1, NOW) for price in ("100", "101")}
    assert len(ids) == 2


@pytest.mark.parametrize("field", ["Id", "Comment", "strategy.order.id"])
@pytest.mark.parametrize("bar_time", ['"2026-03-02T08:00:00Z"', None])
def test_any_further_field_tells_two_alerts_of_one_bar_apart(field, bar_time):
    """Buy, sell, buy, sell within four hours are four webhooks. Each of them delivered again is the same webhook."""
    actions = ('"BuyMarket"', '"SellMarket"', '"BuyMarket"', '"SellMarket"')
    bodies = [alert(Action=a, BarTime=bar_time, **{field: f'"{n}"'}) for n, a in enumerate(actions)]
    assert len({id_of(body) for body in bodies}) == 4
    later = NOW if bar_time is None else NOW.replace(hour=23)
    assert [id_of(body) for body in bodies] == [id_of(body, later) for body in bodies]


@given(st.permutations(["Symbol", "Action", "PourCent", "UserID", "UserExchangeID", "BarTime", "Id", "Volume"]))
def test_the_order_of_the_fields_does_not_matter(keys):
    """The spelling of a known number does not matter either, nor does a field whose value says that it is absent."""
    said = {"Symbol": '"BTCUSDT"', "Action": '"BuyMarket"', "PourCent": "50.0", "UserID": '"1"', "UserExchangeID": "1"}
    said |= {"BarTime": '"2026-03-02T09:25:00Z"', "Id": '"a"', "Volume": "7e0"}
    body = ("{" + ",".join(f'"{key}":{said[key]}' for key in keys) + "}").encode()
    assert id_of(body) == id_of(alert(Id='"a"', Volume='"7"', Prix="NaN", Comment='""'))


def test_a_text_in_a_further_field_is_not_read_as_a_number():
    """The id "007" differs from "7": the value of an unknown field is compared as written."""
    assert len({id_of(alert(Id=f'"{text}"')) for text in ("7", "007", "7.0", "seven")}) == 4


def test_what_a_key_says_is_not_mixed_up_with_what_its_value_says():
    """The identity distinguishes keys from values, wherever the texts are split."""
    assert id_of(alert(a='"b"', c='"d"')) != id_of(alert(a='"b,c,d"')) != id_of(alert(c='"b"', a='"d"'))


def test_the_identity_before_unknown_fields_counted_is_still_known():
    """Such ids are in existing logs: they use the known fields alone, and the minute when `BarTime` is missing."""
    bodies = (TEMPLATE.encode(), alert(Id='"1"'), alert(BarTime=None, Prix='"1.50"', Id='"7"'))
    assert [str(WebhookMessage.parse(body).former_id(1, NOW)) for body in bodies] == [
        "586db00b-367b-56c9-ab78-cdf026ebca64",
        "61d082b5-f12a-5c9e-9895-542c7a6283ac",
        "fdf23e3f-1b11-5448-a5c3-cd0c37489fd0",
    ]


@pytest.mark.parametrize("text", [r"\u201cx\u201d", r"{\"a\": 1}"])
def test_valid_json_is_read_as_such(text):
    """Quotes and braces inside its texts are left alone."""
    message = WebhookMessage.parse(alert(IndicateurName=f'"{text}"'))
    assert message.indicator == text.replace(r"\u201c", "“").replace(r"\u201d", "”").replace("\\", "")


def test_a_key_is_never_given_twice_in_valid_json():
    """Either of the two values could have been taken."""
    assert refusal_of(alert(Comment='"{}"', PourCent='50,"PourCent":100')) == ("key_twice", "PourCent")


@pytest.mark.parametrize(
    ("interval", "minutes"),
    [
        *(("1", 1), ("240", 240), ("30S", 0.5), ("D", 1440), ("1D", 1440), ("3D", 4320), ("W", 10080), ("1W", 10080)),
        *(("1M", 44640), ("M", 44640), ("2H", 120), ("0", None), ("100R", None), ("x", None), ("99999", None)),
        *(("NaN", None), ("٥", None)),
    ],
)
def test_an_interval_has_a_length(interval, minutes):
    """Intervals are written as in TradingView. A month counts 31 days; a text that is no time has no length."""
    message = WebhookMessage.parse(alert(Interval=f'"{interval}"'))
    assert message.length == (None if minutes is None else timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("fields", "bars"),
    [
        ({"Interval": "5", "BarTime": '"2026-03-02T09:25:20Z"'}, 0),
        ({"Interval": "5", "BarTime": '"2026-03-02T09:20:20Z"'}, 1),
        ({"Interval": "5", "BarTime": '"2026-03-02T09:22:50Z"'}, 0.5),
        ({"Interval": "5", "BarTime": '"2026-03-02T09:30:20Z"'}, -1),
        ({"Interval": "240", "BarTime": '"2026-03-01T09:30:20Z"'}, 5),
        ({"Interval": "1M", "BarTime": '"0001-01-01T00:00:00Z"'}, 23859.529),
        ({"Interval": "5", "BarTime": None}, None),
        ({"Interval": "R", "BarTime": '"2026-03-02T09:25:20Z"'}, None),
        ({"BarTime": '"2026-03-02T09:25:20Z"'}, None),
    ],
)
def test_a_bar_has_an_age_in_bars(fields, bars):
    """The age runs from the end of the bar to the reception, and is unknown when the alert does not say enough."""
    age = WebhookMessage.parse(alert(**fields)).bars_old(NOW)
    assert age == pytest.approx(bars, abs=0.01) if bars is not None else age is None


def test_without_a_bar_time_the_minute_of_reception_counts():
    """A retry seconds later is the same webhook, and an alert in the next minute is another."""
    message = WebhookMessage.parse(alert(BarTime=None))
    assert message.webhook_id(1, NOW) == message.webhook_id(1, NOW.replace(second=59))
    assert message.webhook_id(1, NOW) != message.webhook_id(1, NOW.replace(minute=31))
    assert unparsable_id(1, b"x", NOW) == unparsable_id(1, b"x", NOW.replace(second=1))
    assert unparsable_id(1, b"x", NOW) != unparsable_id(1, b"y", NOW)


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: alert(IndicateurName=f'"{text}"')))
@example(alert(IndicateurName=r'"\ud800"'))
@example(alert(IndicateurName="\0"))
@example(b"\xed\xa0\x80")
@example(b"\xff" * 64 * 1024)
def test_every_delivery_has_an_id_and_is_kept(body):
    """A readable alert is identified by its content, anything else by its bytes, and no byte is lost."""
    try:
        webhook_id = WebhookMessage.parse(body).webhook_id(1, NOW)
    except Invalid:
        webhook_id = unparsable_id(1, body, NOW)
    assert isinstance(webhook_id, UUID)
    assert Webhook.receive(webhook_id, 1, body, "127.0.0.1", NOW).raw == body


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"Prix": "1.00000000000000000000000000001"}, {"Prix": "1.00000000000000000000000000002"}),
        ({"Symbol": '"A/exchange=B"', "Exchange": '"C"'}, {"Symbol": '"A"', "Exchange": '"B/exchange=C"'}),
        ({"IndicateurName": '"None"'}, {"IndicateurName": None}),
    ],
)
def test_different_alerts_are_different_webhooks(one, other):
    """Alerts are told apart however long their numbers are and whatever their texts contain."""
    ids = {
        WebhookMessage.parse(alert(Action='"BuyLimit"', **{"Prix": "1", **said})).webhook_id(1, NOW)
        for said in (one, other)
    }
    assert len(ids) == 2


def test_what_can_be_read_of_a_refused_alert_is_shown():
    """A word or number that means nothing hides none of the others. A body without keys shows nothing."""
    body = b'{"Action":"Purchase","Symbol":"BTCUSDT","Interval":"5","PourCent":"half","PrixSL":-1,"UserExchangeID":"x"}'
    shown = WebhookMessage.readable(body)
    assert {name: shown.get(name) for name in ("action", "symbol", "interval", "percent", "stop_loss", "broker")} == {
        "action": "Purchase", "symbol": "BTCUSDT", "interval": "5", "percent": None, "stop_loss": Decimal(-1),
        "broker": None,
    }  # fmt: skip
    with pytest.raises(Invalid):
        WebhookMessage.readable(b"nothing at all")
