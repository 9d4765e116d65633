"""What the door's bodies mean: the Pine template as it really arrives, and everything that must never be traded."""

from __future__ import annotations

import re._constants as opcodes
import re._parser
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain import signal as signals
from domain.refusals import Invalid
from domain.signal import Action, Signal, unparsable_id
from domain.webhook import Webhook

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


def refusal_of(body: bytes) -> tuple[str, str | None]:
    with pytest.raises(Invalid) as refused:
        Signal.parse(body)
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
    patterns = [value for value in vars(signals).values() if isinstance(value, re.Pattern)]
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
    signal = Signal.parse(alert(IndicateurName=r'"\ud83d\ude00 \u00e9 \"x\" a\/b"'))
    assert signal.indicator == '\U0001f600 é "x" a/b'


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: alert(IndicateurName=f'"{text}"')))
@example(alert(IndicateurName=r'"\ud800"'))
@example(alert(IndicateurName="\0"))
@example(b"\xed\xa0\x80")
@example(b"\xff" * LONG)
def test_every_delivery_has_an_id_and_is_kept(body):
    """What can be read is known by what it says, everything else by its bytes, and no byte is lost."""
    try:
        webhook_id = Signal.parse(body).webhook_id(1, NOW)
    except Invalid:
        webhook_id = unparsable_id(1, body, NOW)
    assert isinstance(webhook_id, UUID)
    assert Webhook.receive(webhook_id, 1, body, "127.0.0.1", NOW).raw == body


@pytest.mark.parametrize("text", [" BuyMarket", "BuyMarket ", "\t BuyMarket \t"])
def test_spaces_around_an_action_do_not_matter(text):
    """Bare or quoted; but case and spaces inside do."""
    assert Signal.parse(alert(Action=text)).action is Action.BUY_MARKET
    assert Signal.parse(alert(Action=f'"{text}"')).action is Action.BUY_MARKET
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
    assert Signal.parse(alert(BarTime=text)).bar_time == Signal.parse(alert(BarTime=f'"{text}"')).bar_time == moment


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
        assert Signal.parse(alert(Prix=written)).price == Decimal(number)


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
    assert Signal.parse(alert(UserID="2147483647", UserExchangeID='"1.0"')).broker == 1


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
        Signal.parse(alert(Action='"BuyLimit"', **{"Prix": "1", **said})).webhook_id(1, NOW) for said in (one, other)
    }
    assert len(ids) == 2
