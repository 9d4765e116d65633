"""Streams of alerts: where an alert belongs, and what happens to it while its stream is paused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from application.endings import are_resumed
from application.people.brokers import remove_broker
from application.trading.decisions import send_again
from application.webhooks import streams
from domain.aggregate import carrying
from domain.alert import Alert, Cause
from domain.orders.order_status import Status
from domain.refusals import Impossible, NotFound
from domain.webhooks.stream import WebhookStream
from domain.webhooks.stream_state import StreamKey, StreamStatus
from tests.application.webhooks.house import FAILED, IGNORED, REFUSED, TAKEN, alert
from tests.conftest import NOW

MINUTES = timedelta(minutes=5)
CALM = {"BarTime": None, "IndicateurName": '"EMA"'}


def key(symbol="BTCUSDT", interval="5", indicator="EMA", broker=1):
    return StreamKey(1, broker, symbol, interval, indicator)


def stream(house, **named):
    return house.store.find(WebhookStream, key(**named).id)


def known(house):
    """Return the streams that the log knows."""
    opened = house.store.read(0, topics=["WebhookStream.Opened"])
    return [(one.event.symbol, one.event.interval, one.event.indicator) for one in opened]


def falls_silent(house, *names):
    """Let streams be monitored and send nothing for three slots."""
    for name in names:
        house.deliver(alert("PING", **CALM | {"IndicateurName": f'"{name}"'}))
    house.judge()
    with carrying(user="1"):
        for name in names:
            silent = stream(house, indicator=name)
            silent.monitor(1, house.now)
            silent.judge(house.now + 4 * MINUTES, lambda _: False)
            house.store.save(silent)
    house.now += 4 * MINUTES
    house.judge()


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"Symbol": '"BINANCE:BTCUSDT"'}, ("BTCUSDT", "5", "EMA")),
        ({"Symbol": '"btc/usdt"', "Interval": '"60"'}, ("BTCUSDT", "60", "EMA")),
        ({"Interval": '"1H"'}, ("BTCUSDT", "60", "EMA")),
        ({"Interval": '"D"'}, ("BTCUSDT", "1D", "EMA")),
        ({"Interval": '"30S"'}, ("BTCUSDT", "30S", "EMA")),
        ({"Interval": '"10R"'}, ("BTCUSDT", "10R", "EMA")),
        ({"IndicateurName": '"ema"'}, ("BTCUSDT", "5", "ema")),
        ({"IndicateurName": None}, ("BTCUSDT", "5", "")),
        ({"PourCent": "500"}, ("BTCUSDT", "5", "EMA")),
        ({"Symbol": '"NOPE"'}, ("NOPE", "5", "EMA")),
        ({"Interval": None}, None),
        ({"Symbol": None}, None),
        ({"UserExchangeID": "2"}, None),
        ({"UserID": "2"}, None),
    ],
)
def test_an_alert_belongs_to_one_stream_whatever_becomes_of_it(house, said, where):
    house.come(alert(**CALM | said))
    assert known(house) == ([] if where is None else [where])


def test_two_slots_in_time_begin_the_monitoring(house):
    """Spelling does not matter, and a second alert for the same slot is no second slot."""
    house.come(alert("PING", **CALM))
    house.come(alert("MAJ", **CALM, PrixSL="90"))
    assert stream(house).status is StreamStatus.UNMONITORED
    house.now += MINUTES
    house.come(alert("PING", **CALM | {"Symbol": '"BINANCE:BTCUSDT"'}))
    assert (stream(house).status, stream(house).received) == (StreamStatus.MONITORED, 3)


def test_an_alert_that_comes_early_within_the_minute_of_the_last_one_is_for_its_own_slot(house):
    """Without a bar it counts as the same alert, by its minute; a real repetition counts once."""
    house.now = NOW.replace(second=0)
    calm = CALM | {"Interval": '"1"'}
    first = house.come(alert("PING", **calm))
    house.now += timedelta(seconds=2)
    assert house.come(alert("PING", **calm)) == first
    assert stream(house, interval="1").received == 1
    house.now = NOW.replace(second=59)
    assert house.come(alert("PING", **calm)) == first
    monitored = stream(house, interval="1")
    assert (monitored.received, monitored.status) == (2, StreamStatus.MONITORED)
    assert monitored.slots.settled == NOW + timedelta(minutes=1)


def test_three_missing_alerts_pause_the_stream_and_are_told_once(house):
    """Streams that fall silent together raise one alert, which ends when all are resumed."""
    falls_silent(house, "EMA", "RSI")
    assert {stream(house, indicator=name).status for name in ("EMA", "RSI")} == {StreamStatus.CRITICAL}
    assert house.told() == [(Cause.WEBHOOKS_CRITICAL, {"symbol": "BTC/USDT", "broker": "1"})]
    [raised] = house.store.read(0, topics=["Alert.Raised"])
    told = house.store.get(Alert, raised.stream)
    streams.resume(house.store, 1, key().id, house.now)
    assert not are_resumed(told, house.store, None)
    streams.resume(house.store, 1, None, house.now)
    assert are_resumed(told, house.store, None)
    for name in ("EMA", "RSI"):
        resumed = stream(house, indicator=name)
        assert (resumed.status, resumed.slots.streak) == (StreamStatus.MONITORED, 0)
    [*by] = house.store.read(0, topics=["WebhookStream.Resumed"])
    assert [one.event.by for one in by] == [1, 1]


def test_what_a_paused_stream_sends_is_recorded_and_not_executed(house):
    """An exit is critical and can be sent after all; other streams of the same pair go on."""
    falls_silent(house, "EMA")
    for action in ("BuyMarket", "MAJ"):
        assert house.ends(house.come(alert(action, **CALM, PrixSL="90"))) == (IGNORED, "stream_paused")
    assert house.ends(house.come(alert("PING", **CALM))) == (IGNORED, "ping")
    leaving = house.come(alert("SellMarket", **CALM))
    assert house.ends(leaving) == (FAILED, "stream_paused")
    facts = {"symbol": "BTC/USDT", "side": "sell", "broker": "1", "reason": "stream_paused"}
    assert house.told()[1:] == [(Cause.EXIT_STALE, facts)]
    again = house.store.get(type(house.order_of(leaving)), send_again(house.store, 1, house.order_of(leaving).id, NOW))
    assert again.status is Status.PLACED
    assert house.ends(house.come(alert("BuyMarket", **CALM | {"IndicateurName": '"RSI"'})))[0] is TAKEN
    assert stream(house).received == 5
    assert stream(house).status is StreamStatus.CRITICAL
    streams.resume(house.store, 1, key().id, house.now)
    house.now += MINUTES
    assert house.ends(house.come(alert("BuyMarket", **CALM)))[0] is TAKEN


def test_a_trader_pauses_and_resumes_a_stream(house):
    """Only what has paused itself is resumed with all others; whoever resumes twice changes nothing."""
    house.come(alert("PING", **CALM))
    streams.pause(house.store, 1, key().id)
    streams.pause(house.store, 1, key().id)
    assert house.ends(house.come(alert("BuyMarket", **CALM))) == (IGNORED, "stream_paused")
    streams.resume(house.store, 1, None, house.now)
    assert stream(house).status is StreamStatus.PAUSED
    for _ in range(2):
        streams.resume(house.store, 1, key().id, house.now)
    assert stream(house).status is StreamStatus.UNMONITORED
    assert house.topics().count("WebhookStream.Resumed") == 1


def test_a_closed_stream_is_executed_and_stays_closed(house):
    house.come(alert("PING", **CALM))
    streams.monitor(house.store, 1, key().id, house.now)
    streams.close(house.store, 1, key().id)
    for _ in range(3):
        house.now += MINUTES
        assert house.ends(house.come(alert("BuyMarket", **CALM)))[0] is TAKEN
    assert stream(house).status is StreamStatus.CLOSED
    streams.monitor(house.store, 1, key().id, house.now)
    assert stream(house).status is StreamStatus.MONITORED


def test_what_cannot_be_monitored_says_so(house):
    house.come(alert("PING", **CALM | {"Interval": '"30S"'}))
    with pytest.raises(Impossible) as refused:
        streams.monitor(house.store, 1, key(interval="30S").id, house.now)
    assert refused.value.code == "stream_not_monitorable"


def test_a_stream_of_somebody_else_is_not_there(house):
    house.come(alert("PING", **CALM))
    with pytest.raises(NotFound):
        streams.pause(house.store, 2, key().id)


def test_a_removed_broker_closes_its_streams(house):
    house.come(alert("PING", **CALM))
    streams.monitor(house.store, 1, key().id, house.now)
    remove_broker(house.store, Vault(), 1, 1)
    house.judge()
    assert stream(house).status is StreamStatus.CLOSED
    assert house.ends(house.come(alert("BuyMarket", **CALM)))[0] is REFUSED
    assert house.store.webhook_streams_open() == []
    for decide in (streams.monitor, streams.resume):
        with pytest.raises(NotFound):
            decide(house.store, 1, key().id, house.now)


class Vault:
    """A vault without keys."""

    def drop_credentials(self, broker):
        pass
