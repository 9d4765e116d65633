"""What the door's bodies mean: the Pine template as it really arrives, and everything that must never be traded."""

from __future__ import annotations

import re._constants as opcodes
import re._parser
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain import webhook_message as messages
from domain.refusals import Invalid
from domain.webhook import Webhook
from domain.webhook_message import Action, WebhookMessage, unparsable_id

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
    """A byte-order mark, CRLF, a trailing comma, smart quotes, unknown fields."""
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
    """Whatever bytes arrive, the answer is a signal or a reason."""
    with suppress(Invalid):
        assert WebhookMessage.parse(body).action in set(Action)


def test_the_same_alert_is_the_same_webhook():
    """However the numbers are written and whenever it is delivered again."""
    one, two = WebhookMessage.parse(alert(Prix="1.50")), WebhookMessage.parse(alert(Prix='"1.5"'))
    assert one.webhook_id(1, NOW) == two.webhook_id(1, NOW.replace(hour=23))
    assert one.webhook_id(1, NOW) != one.webhook_id(2, NOW)


def test_two_limits_on_one_bar_are_two_webhooks():
    """All parsed fields belong to the key."""
    ids = {WebhookMessage.parse(alert(Action='"BuyLimit"', Prix=price)).webhook_id(1, NOW) for price in ("100", "101")}
    assert len(ids) == 2


def id_of(body: bytes, moment: datetime = NOW) -> UUID:
    return WebhookMessage.parse(body).webhook_id(1, moment)


@pytest.mark.parametrize("field", ["Id", "Comment", "strategy.order.id"])
@pytest.mark.parametrize("bar_time", ['"2026-03-02T08:00:00Z"', None])
def test_any_further_field_tells_two_alerts_of_one_bar_apart(field, bar_time):
    """Buy, sell, buy, sell within four hours are four webhooks; each of them delivered again is itself."""
    actions = ('"BuyMarket"', '"SellMarket"', '"BuyMarket"', '"SellMarket"')
    bodies = [alert(Action=a, BarTime=bar_time, **{field: f'"{n}"'}) for n, a in enumerate(actions)]
    assert len({id_of(body) for body in bodies}) == 4
    later = NOW if bar_time is None else NOW.replace(hour=23)
    assert [id_of(body) for body in bodies] == [id_of(body, later) for body in bodies]


@given(st.permutations(["Symbol", "Action", "PourCent", "UserID", "UserExchangeID", "BarTime", "Id", "Volume"]))
def test_the_order_of_the_fields_does_not_matter(keys):
    """Neither does the spelling of a known number, nor a field that says that it is absent."""
    said = {"Symbol": '"BTCUSDT"', "Action": '"BuyMarket"', "PourCent": "50.0", "UserID": '"1"', "UserExchangeID": "1"}
    said |= {"BarTime": '"2026-03-02T09:25:00Z"', "Id": '"a"', "Volume": "7e0"}
    body = ("{" + ",".join(f'"{key}":{said[key]}' for key in keys) + "}").encode()
    assert id_of(body) == id_of(alert(Id='"a"', Volume='"7"', Prix="NaN", Comment='""'))


def test_a_text_in_a_further_field_is_not_read_as_a_number():
    """An id "007" is another than "7": what nobody knows is compared as it stands."""
    assert len({id_of(alert(Id=f'"{text}"')) for text in ("7", "007", "7.0", "seven")}) == 4


def test_what_a_key_says_is_not_mixed_up_with_what_its_value_says():
    """However the texts are cut."""
    assert id_of(alert(a='"b"', c='"d"')) != id_of(alert(a='"b,c,d"')) != id_of(alert(c='"b"', a='"d"'))


def test_the_identity_before_unknown_fields_counted_is_still_known():
    """These ids stand in logs: of the known fields alone, with the minute where there is no `BarTime`."""
    bodies = (TEMPLATE.encode(), alert(Id='"1"'), alert(BarTime=None, Prix='"1.50"', Id='"7"'))
    assert [str(WebhookMessage.parse(body).former_id(1, NOW)) for body in bodies] == [
        "586db00b-367b-56c9-ab78-cdf026ebca64",
        "61d082b5-f12a-5c9e-9895-542c7a6283ac",
        "fdf23e3f-1b11-5448-a5c3-cd0c37489fd0",
    ]


MISSPELT = {
    "PrixSl": "PrixSL", "prix": "Prix", "PRIXTP": "PrixTP", "PrixS": "PrixSL", "PrxTP": "PrixTP", "PrixSSL": "PrixSL",
    "PirxSL": "PrixSL", "PourCen": "PourCent", "Pourcent": "PourCent", "pourcen": "PourCent", "PourCents": "PourCent",
    "Symbole": "Symbol", "UserId": "UserID", "UserExchangeId": "UserExchangeID", "Bartime": "BarTime",
    "IndicatorName": None, "Interva": "Interval", "Acton": "Action", "Volum": "Volume", "LOW": "Low", "high": "High",
    "IndicateurNam": "IndicateurName", "Curency": "Currency", "BaseCurency": "BaseCurrency", " PrixSL": "PrixSL",
    "Id": None, "Price": None, "Slow": None, "Lot": None, "Comment": None, "Stop": None, "Percent": None, "Time": None,
}  # fmt: skip


@pytest.mark.parametrize(("key", "meant"), MISSPELT.items())
def test_a_misspelt_key_is_refused_and_a_different_one_is_not(key, meant):
    """One letter or the case of a known key: a position would be bought without its stop."""
    body = alert(**{key: "45000"})
    if meant is None:
        assert WebhookMessage.parse(body).action is Action.BUY_MARKET
    else:
        assert refusal_of(body) == refusal_of(alert(PrixSL="1", **{key: '"x"'})) == ("key_misspelt", meant)
        assert WebhookMessage.understood(body).symbol == "BTCUSDT"


def test_a_misspelt_action_is_named():
    """Rather than a missing one."""
    assert refusal_of(alert(Action=None, action='"BuyMarket"')) == ("key_misspelt", "Action")


def test_known_keys_are_never_taken_for_each_other():
    """All of them in one alert."""
    assert WebhookMessage.parse(TEMPLATE.encode()).action is Action.BUY_LIMIT


@pytest.mark.parametrize("key", ["Open", "High", "Low", "Close", "Volume"])
@pytest.mark.parametrize(
    "text", ["1,234.5", "12.5K", "∅", "n/a", "Infinity", "-Infinity", "-1", "1e999", "9" * 41, "much", "true"]
)
def test_a_figure_that_no_order_needs_refuses_nothing(key, text):
    """It is kept as it stands, bare or quoted, and belongs to what the alert says."""
    for written in (text, f'"{text}"'):
        message = WebhookMessage.parse(alert(**{key: written}))
        assert getattr(message, key.lower()) == text
        assert message.webhook_id(1, NOW) != id_of(alert())
        assert message.former_id(1, NOW) is not None


@pytest.mark.parametrize("text", [r"\u201cx\u201d", r"{\"a\": 1}"])
def test_valid_json_is_read_as_such(text):
    """Whatever its texts hold."""
    message = WebhookMessage.parse(alert(IndicateurName=f'"{text}"'))
    assert message.indicator == text.replace(r"\u201c", "“").replace(r"\u201d", "”").replace("\\", "")


def test_a_key_is_never_given_twice_in_valid_json():
    """Whichever of two values would be taken."""
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
    """As TradingView writes it; a month is as long as the longest, and what is no time has none."""
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
    """From its end to the alert's reception; unknown where the alert does not say enough."""
    age = WebhookMessage.parse(alert(**fields)).bars_old(NOW)
    assert age == pytest.approx(bars, abs=0.01) if bars is not None else age is None


def test_without_a_bar_time_the_minute_of_reception_counts():
    """A retry some seconds later is the same, an alert of the next minute is another."""
    message = WebhookMessage.parse(alert(BarTime=None))
    assert message.webhook_id(1, NOW) == message.webhook_id(1, NOW.replace(second=59))
    assert message.webhook_id(1, NOW) != message.webhook_id(1, NOW.replace(minute=31))
    assert unparsable_id(1, b"x", NOW) == unparsable_id(1, b"x", NOW.replace(second=1))
    assert unparsable_id(1, b"x", NOW) != unparsable_id(1, b"y", NOW)


def refusal_of(body: bytes) -> tuple[str, str | None]:
    with pytest.raises(Invalid) as refused:
        WebhookMessage.parse(body)
    return refused.value.code, refused.value.field


LONG = 64 * 1024
PAIRS = b"".join(b'"%05x":1,' % number for number in range(LONG // 10))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"{" * LONG, "not_one_object", id="braces"),
        pytest.param(b"{{" * (LONG // 2), "not_one_object", id="open placeholders"),
        pytest.param(b"{{" * (LONG // 2) + b"}}", "placeholder_unresolved", id="one placeholder in many"),
        pytest.param(b"{" + b'"a":1,' * (LONG // 6) + b"}", "key_twice", id="one key"),
        pytest.param(b"{" + PAIRS + b"}", "action_unknown", id="pairs"),
        pytest.param(b"{" + PAIRS + b'"a"}', "not_json", id="pairs and a broken one"),
        pytest.param(b"\\" * LONG, "not_one_object", id="backslashes"),
        pytest.param(b"{" + b"\\" * LONG + b"}", "not_json", id="backslashes in an object"),
        pytest.param(b'{"Action":"' + b"\\" * LONG + b'"}', "action_unknown", id="backslashes in a text"),
        pytest.param(b'{"Action":"' + b"\\" * (LONG - 1) + b'"}', "not_json", id="backslashes that open a text"),
        pytest.param(b'{"Action":' + b"\\" * LONG + b"}", "action_unknown", id="bare backslashes"),
        pytest.param(b'{"Action":"' + b"a" * LONG + b"}", "not_json", id="a text without an end"),
        pytest.param(b'{"Action":' + b", " * (LONG // 2) + b"}", "action_unknown", id="bare commas"),
        pytest.param(b'{"Action":1' + b",\n" * (LONG // 2) + b"1}", "not_json", id="commas and lines"),
        pytest.param(b'{"Action":PING' + b" " * LONG + b'"b":1}', "not_json", id="spaces"),
        pytest.param(b'{"' + b"a" * LONG + b'":1}', "not_json", id="a key"),
        pytest.param(b"{" + b'"' * LONG + b"}", "not_json", id="quotes"),
        pytest.param(b'{"a":' + b"[" * LONG + b"}", "not_json", id="brackets"),
        pytest.param(b'{"a":' * (LONG // 5) + b"}", "not_one_object", id="objects in objects"),
        pytest.param(b'{"a":"' + b"{" * LONG + b'"}', "action_unknown", id="braces in a text"),
        pytest.param(b"{" + PAIRS[:-1] + b"}", "action_unknown", id="pairs in valid JSON"),
        pytest.param(b'{"Action":PING,"Prix":' + b"1" * LONG + b"}", "not_a_number", id="digits"),
    ],
)
def test_a_long_body_is_refused_at_once(body, code):
    """64 KiB of anything: work that grows with the square of the length would make this test hang."""
    assert refusal_of(body)[0] == code


def repetitions(pattern: Any) -> Iterator[Any]:
    """What each unbounded repetition in a parsed pattern is made of: its kind."""
    for kind, said in pattern:
        if kind in {opcodes.MAX_REPEAT, opcodes.MIN_REPEAT, opcodes.POSSESSIVE_REPEAT} and said[1] > LONG:
            yield kind
        for part in said if isinstance(said, tuple | list) else [said]:
            for inner in part if isinstance(part, list) else [part]:
                if isinstance(inner, re._parser.SubPattern):
                    yield from repetitions(inner)


def test_no_pattern_goes_back_over_what_it_read():
    """Every repetition without a bound is possessive, so that a body is looked at once."""
    patterns = [value for value in vars(messages).values() if isinstance(value, re.Pattern)]
    kinds = [kind for each in patterns for kind in repetitions(re._parser.parse(each.pattern, each.flags))]
    assert set(kinds) == {opcodes.POSSESSIVE_REPEAT}


@pytest.mark.parametrize("key", ["Symbol", "IndicateurName", "Comment", "Prix"])
@pytest.mark.parametrize("text", [r"\ud800", r"a\udfffb", r"\udc00\ud800", r"\u0000", r"EMA\u0000", "\0", "EMA\0"])
def test_what_is_no_text_is_refused(key, text):
    """Half a surrogate pair and NUL, escaped or raw: neither a table nor the log could keep them."""
    assert refusal_of(alert(**{key: f'"{text}"'})) == ("not_json", None)
    if "\0" in text:
        assert refusal_of(alert(**{key: text})) == ("not_json", None)


def test_escaped_characters_are_read():
    """A whole surrogate pair is one character, and the usual escapes mean what they do in JSON."""
    message = WebhookMessage.parse(alert(IndicateurName=r'"\ud83d\ude00 \u00e9 \"x\" a\/b"'))
    assert message.indicator == '\U0001f600 é "x" a/b'


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: alert(IndicateurName=f'"{text}"')))
@example(alert(IndicateurName=r'"\ud800"'))
@example(alert(IndicateurName="\0"))
@example(b"\xed\xa0\x80")
@example(b"\xff" * LONG)
def test_every_delivery_has_an_id_and_is_kept(body):
    """What can be read is known by what it says, everything else by its bytes, and no byte is lost."""
    try:
        webhook_id = WebhookMessage.parse(body).webhook_id(1, NOW)
    except Invalid:
        webhook_id = unparsable_id(1, body, NOW)
    assert isinstance(webhook_id, UUID)
    assert Webhook.receive(webhook_id, 1, body, "127.0.0.1", NOW).raw == body


@pytest.mark.parametrize("text", [" BuyMarket", "BuyMarket ", "\t BuyMarket \t"])
def test_spaces_around_an_action_do_not_matter(text):
    """Bare or quoted; but case and spaces inside do."""
    assert WebhookMessage.parse(alert(Action=text)).action is Action.BUY_MARKET
    assert WebhookMessage.parse(alert(Action=f'"{text}"')).action is Action.BUY_MARKET
    for other in (text.lower(), text.replace("yM", "y M")):
        assert refusal_of(alert(Action=f'"{other}"')) == ("action_unknown", "Action")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02T09:25:00Z", datetime(2026, 3, 2, 9, 25, tzinfo=UTC)),
        ("2026-03-02 09:25", datetime(2026, 3, 2, 9, 25, tzinfo=UTC)),
        ("2026-03-02T09:25:00+02:00", datetime(2026, 3, 2, 7, 25, tzinfo=UTC)),
        ("2026-03-02T09:25:00.5Z", datetime(2026, 3, 2, 9, 25, 0, 500_000, tzinfo=UTC)),
        *((absent, None) for absent in ("NaN", "na", "null", "")),
    ],
)
def test_a_bar_time_is_a_date_and_a_time(text, moment):
    """Quoted or not; without an offset it is UTC."""
    assert (
        WebhookMessage.parse(alert(BarTime=text)).bar_time
        == WebhookMessage.parse(alert(BarTime=f'"{text}"')).bar_time
        == moment
    )


@pytest.mark.parametrize(
    "text",
    [
        *("1772443500000", "1772443500", "20260302", "2026-03-02", "2026-03-02T", "20260302T092500Z"),
        *("2026-02-30T09:25:00Z", "2026-03-02T25:00:00Z", "0001-01-01T00:00:00+14:00", "٢٠٢٦-03-02T09:25:00Z"),
    ],
)
def test_a_bar_time_is_never_guessed(text):
    """Milliseconds are no year, and a bare date is not midnight."""
    assert refusal_of(alert(BarTime=text)) == refusal_of(alert(BarTime=f'"{text}"')) == ("not_a_time", "BarTime")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("1e5", "100000"), ("1E+2", "100"), (".5", "0.5"), ("5.", "5"), ("+1", "1"), (" 7 ", "7"), ("007", "7")),
        *(("1e-05", "0.00001"), ("1e40", "1e40"), ("1" * 40, "1" * 40), ("0.000000000000000001", "1e-18")),
    ],
)
def test_numbers_as_programs_write_them(text, number):
    """With an exponent, a sign, without one of its sides; bare or quoted, and exact to the last digit."""
    for written in (text, f'"{text}"'):
        assert WebhookMessage.parse(alert(Prix=written)).price == Decimal(number)


@pytest.mark.parametrize(
    "text",
    [
        *("5_0", "٥", "５", "²", "1,5", "1 0", "0x10", "++1", "+-1", "+", ".", "e5", "1e", "1e1000", "1e41", "1e-41"),
        *("1" * 41, "0." + "1" * 40, "Infinity", "-inf", "nan1", "sNaN", "none", "true", "1.2.3", "5 USDT"),
    ],
)
def test_numbers_that_are_none(text):
    """Decimal would take some of them, as would a person; neither is asked."""
    for key in ("Prix", "PourCent", "UserID"):
        for written in (text, f'"{text}"'):
            assert refusal_of(alert(**{key: written})) == ("not_a_number", key)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "2147483648", "1e10"])
def test_users_and_brokers_have_whole_numbers(text):
    """From one to what a table's column holds."""
    code = "not_a_number"
    assert refusal_of(alert(UserID=text)) == (code, "UserID")
    assert refusal_of(alert(UserExchangeID=text)) == (code, "UserExchangeID")
    assert WebhookMessage.parse(alert(UserID="2147483647", UserExchangeID='"1.0"')).broker == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"Prix": "1.00000000000000000000000000001"}, {"Prix": "1.00000000000000000000000000002"}),
        ({"Symbol": '"A/exchange=B"', "Exchange": '"C"'}, {"Symbol": '"A"', "Exchange": '"B/exchange=C"'}),
        ({"IndicateurName": '"None"'}, {"IndicateurName": None}),
    ],
)
def test_different_alerts_are_different_webhooks(one, other):
    """However long their numbers are and whatever their texts hold."""
    ids = {
        WebhookMessage.parse(alert(Action='"BuyLimit"', **{"Prix": "1", **said})).webhook_id(1, NOW)
        for said in (one, other)
    }
    assert len(ids) == 2
