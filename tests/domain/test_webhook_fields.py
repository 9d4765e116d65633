"""The fields of an alert, their spelling, and the values that their texts stand for."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain.webhooks.webhook_message import Action, WebhookMessage
from tests.domain.alerts import NOW, TEMPLATE, alert, id_of, refusal_of

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
    """A key that is off by one letter or by case is misspelt: a position would be bought without its stop."""
    body = alert(**{key: "45000"})
    if meant is None:
        assert WebhookMessage.parse(body).action is Action.BUY_MARKET
    else:
        assert refusal_of(body) == refusal_of(alert(PrixSL="1", **{key: '"x"'})) == ("key_misspelt", meant)
        assert WebhookMessage.understood(body).symbol == "BTCUSDT"


@pytest.mark.parametrize("key", ["position", "Position", "POSITION", "Positon"])
def test_the_side_that_a_strategy_sends_as_its_position_is_no_share(key):
    """It stays what it was: a text that changes no order, and tells one alert from another."""
    long, short = (WebhookMessage.parse(alert(**{key: f'"{side}"'})) for side in ("long", "short"))
    assert (long.percent, long.holding) == (WebhookMessage.parse(alert()).percent, None)
    assert long.webhook_id(1, NOW) != short.webhook_id(1, NOW)


def test_a_share_is_read_where_it_can_be_meant():
    assert WebhookMessage.parse(alert(PourCent=None, Position="40")).holding == 40
    assert refusal_of(alert(PourCent=None, position="40")) == ("key_misspelt", "Position")
    assert refusal_of(alert(Position="40")) == ("size_ambiguous", "Position")
    assert refusal_of(alert(Action='"Position"', PourCent=None, Position='"half"')) == ("not_a_number", "Position")
    assert WebhookMessage.parse(alert(position="40")).holding is None


def test_a_misspelt_action_is_named():
    """The refusal names the misspelt key instead of a missing action."""
    assert refusal_of(alert(Action=None, action='"BuyMarket"')) == ("key_misspelt", "Action")


def test_known_keys_are_never_taken_for_each_other():
    """The alert of the template has them all."""
    assert WebhookMessage.parse(TEMPLATE.encode()).action is Action.BUY_LIMIT


@pytest.mark.parametrize("key", ["Open", "High", "Low", "Close", "Volume"])
@pytest.mark.parametrize(
    "text", ["1,234.5", "12.5K", "∅", "n/a", "Infinity", "-Infinity", "-1", "1e999", "9" * 41, "much", "true"]
)
def test_a_figure_that_no_order_needs_refuses_nothing(key, text):
    """The figure is kept as written, bare or quoted, and is part of the alert's identity."""
    for written in (text, f'"{text}"'):
        message = WebhookMessage.parse(alert(**{key: written}))
        assert getattr(message, key.lower()) == text
        assert message.webhook_id(1, NOW) != id_of(alert())
        assert message.former_id(1, NOW) is not None


@pytest.mark.parametrize("text", [" BuyMarket", "BuyMarket ", "\t BuyMarket \t"])
def test_spaces_around_an_action_do_not_matter(text):
    """Outer spaces are ignored, whether the action is bare or quoted. Case and inner spaces do matter."""
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
    """A bar time may be quoted or bare. Without an offset it is UTC."""
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
    """Milliseconds are not a year, and a bare date is not midnight."""
    assert refusal_of(alert(BarTime=text)) == refusal_of(alert(BarTime=f'"{text}"')) == ("not_a_time", "BarTime")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("1e5", "100000"), ("1E+2", "100"), (".5", "0.5"), ("5.", "5"), ("+1", "1"), (" 7 ", "7"), ("007", "7")),
        *(("1e-05", "0.00001"), ("1e40", "1e40"), ("1" * 40, "1" * 40), ("0.000000000000000001", "1e-18")),
    ],
)
def test_numbers_as_programs_write_them(text, number):
    """An exponent, a sign or a missing side is accepted, bare or quoted, and every digit is kept."""
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
    """Such texts are refused, although Decimal or a person would accept some of them."""
    for key in ("Prix", "PourCent", "UserID"):
        for written in (text, f'"{text}"'):
            assert refusal_of(alert(**{key: written})) == ("not_a_number", key)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "2147483648", "1e10"])
def test_users_and_brokers_have_whole_numbers(text):
    """The numbers lie between one and the largest that a table's column holds."""
    code = "not_a_number"
    assert refusal_of(alert(UserID=text)) == (code, "UserID")
    assert refusal_of(alert(UserExchangeID=text)) == (code, "UserExchangeID")
    assert WebhookMessage.parse(alert(UserID="2147483647", UserExchangeID='"1.0"')).broker == 1
