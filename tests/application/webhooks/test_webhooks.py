"""Deliveries: new, repeated, or an exit that is judged anew; and alerts that cannot be executed.

The engine's policies work on a real log. The test answers for the gateway and the exchange.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from application.people.brokers import change_broker
from application.policies import WHEN, World
from application.trading.decisions import send_again
from application.trading.halts import halt
from application.webhooks.deciding import MarketsNotLoaded
from application.webhooks.reception import receive
from domain.aggregate import Personal, carrying
from domain.alert import Cause, Severity
from domain.broker import Broker, Exchange, Usage, Venue
from domain.market import Market
from domain.order import PROTECTION, Order, Status
from domain.position import Position
from domain.refusals import Impossible
from domain.user import Role, User
from domain.webhook import Webhook, WebhookStatus
from domain.webhook_message import WebhookMessage, again_id, unparsable_id
from domain.wish import Side, Source, Type, Wish
from tests.conftest import NOW

RECEIVED, TAKEN, EXECUTED = WebhookStatus.RECEIVED, WebhookStatus.TAKEN, WebhookStatus.EXECUTED
IGNORED, REFUSED, FAILED = WebhookStatus.IGNORED, WebhookStatus.REFUSED, WebhookStatus.FAILED
BTC = Market("binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", True, Decimal("0.01"), Decimal("0.00001"))
RAW = Personal("{}")
NEVER = NOW - timedelta(days=1)
"""The time of an upgrade so long ago that no former identity counts."""


def alert(action="SellMarket", /, **changed):
    """Return the body of an alert of a bar that has just ended. A field given as None is left out."""
    pairs = {"Symbol": '"BTCUSDT"', "Action": f'"{action}"', "PourCent": "50", "UserID": "1", "UserExchangeID": "1"}
    pairs |= {"Interval": '"5"', "BarTime": '"2026-03-02T09:25:00Z"', **changed}
    return ("{" + ",".join(f'"{key}":{value}' for key, value in pairs.items() if value is not None) + "}").encode()


class House:
    """A log with one user and broker, the engine's policies, and a clock that the test turns."""

    def __init__(self, store):
        self.store, self.now, self.position = store, NOW, 0
        self.listed = {"BTCUSDT": BTC}
        with carrying(user="1"):
            user = User.register(1, "somebody", Role.TRADER)
            store.save(user, Broker.connect(1, 1, Exchange.BINANCE, Venue.PAPER, "one"))

    def of(self, *_):
        return self.listed

    def pass_by(self, seconds):
        self.now += timedelta(seconds=seconds)

    def deliver(self, body, *, former_until=NEVER, at=None):
        """Deliver an alert at the door; return the webhook's id."""
        return receive(self.store, 1, body, "192.0.2.1", at or self.now, former_until=former_until)

    def judge(self):
        """Let the engine judge every event that it has not judged yet."""
        while page := self.store.read(self.position):
            for recorded in page:
                world = World(self.store, self, self.now)
                with carrying(user="1", source="engine"):
                    policies = WHEN.get(recorded.topic, ())
                    self.store.save(*(one for policy in policies for one in policy(recorded.event, world)))
                self.position = recorded.position

    def come(self, body, **how):
        """Deliver an alert and let it be judged at once; return its webhook's id."""
        webhook_id = self.deliver(body, **how)
        self.judge()
        return webhook_id

    def ends(self, webhook_id):
        webhook = self.store.get(Webhook, webhook_id)
        return webhook.status, webhook.reason

    def order_of(self, webhook_id):
        return self.store.find(Order, Order.id_for(webhook_id))

    def say(self, order, *verbs):
        """Apply these verbs to an order, as the gateway or the exchange would, and let the engine judge."""
        with carrying(user="1"):
            for verb in verbs:
                verb(order)
            self.store.save(order)
        self.judge()

    def told(self):
        """Return the cause and facts of each alert raised."""
        return [(e.event.cause, e.event.facts) for e in self.store.read(0, topics=["Alert.Raised"])]

    def topics(self):
        return [recorded.topic for recorded in self.store.read(0)]


@pytest.fixture
def house(database):
    return House(database.store())


def submit(order):
    until = NOW + timedelta(seconds=5)
    order.submit(order.id, now=NOW, valid_until=until, quantity=Decimal(1), cost=None, price=None)


def fill(order):
    order.fill("t1", Decimal("0.1"), Decimal(100), Decimal(0), None, NOW, None, RAW)


def accept(order):
    order.accept("77", RAW)


def refuse(reason="insufficient_funds"):
    return lambda order: order.refuse(reason, f"why: {reason}")


def reject(order):
    order.reject("insufficient_funds", RAW)


FAILURES = {"refused by us": (refuse(),), "too late": (refuse("stale"),), "rejected": (submit, reject)}
SUCCESSES = {
    "still to be sent": (),
    "sent": (submit,),
    "in doubt": (submit, lambda o: o.doubt("silence")),
    "accepted": (submit, accept),
    "filled in part": (submit, accept, fill),
    "rejected, and executed all the same": (submit, accept, fill, reject),
    "cancelled": (submit, accept, lambda o: o.cancel("user", RAW)),
    "taken back by its owner": (refuse("cancelled_before_sending"),),
}


# --- identity ----------------------------------------------------------------------------------------------------


def test_four_alerts_of_one_bar_are_four_webhooks_and_each_repeat_is_shown(house):
    """The "Id" distinguishes them. A repeat with the same one is counted and never executed."""
    bodies = [alert(action, Id=str(n)) for n, action in enumerate(("BuyMarket", "SellMarket") * 2)]
    ids = [house.come(body) for body in bodies]
    assert len({*ids}) == 4
    for body, webhook_id in zip(bodies, ids, strict=True):
        house.pass_by(3600)
        assert house.come(body) == webhook_id
        assert house.store.get(Webhook, webhook_id).repeats == 1
    assert house.topics().count("Order.Placed") == 4


@pytest.mark.parametrize("failure", FAILURES)
def test_an_exit_that_came_to_nothing_is_judged_anew(house, failure):
    """Each new attempt has a stream of its own. A delivery while the second is under way is a repeat of it."""
    first = house.come(alert())
    house.say(house.order_of(first), *FAILURES[failure])
    assert house.ends(first)[0] is FAILED
    house.pass_by(300)
    second = house.come(alert())
    assert (second, house.ends(second)) == (again_id(first), (TAKEN, None))
    assert house.order_of(second).not_after == house.now + timedelta(seconds=90)
    house.pass_by(1)
    assert house.come(alert()) == second
    assert [house.store.get(Webhook, one).repeats for one in (first, second)] == [0, 1]
    house.say(house.order_of(second), *FAILURES[failure])
    house.pass_by(1)
    third = house.come(alert())
    house.say(house.order_of(third), submit, accept, fill)
    house.pass_by(1)
    assert house.come(alert()) == third == again_id(second)
    assert house.topics().count("Order.Placed") == 3


@pytest.mark.parametrize("success", SUCCESSES)
def test_an_exit_that_is_under_way_or_was_executed_is_not(house, success):
    """Its repeat is only counted, also when it was filled in part or cancelled by its owner."""
    first = house.come(alert())
    if SUCCESSES[success]:
        house.say(house.order_of(first), *SUCCESSES[success])
    house.pass_by(1)
    assert house.come(alert()) == first
    assert house.store.get(Webhook, first).repeats == 1


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("action", ["BuyMarket", "BuyLimit"])
def test_an_entry_is_never_judged_anew(house, action, failure):
    """Its price is gone, however the entry ended."""
    body = alert(action, Prix="100")
    first = house.come(body)
    house.say(house.order_of(first), *FAILURES[failure])
    house.pass_by(1)
    assert house.come(body) == first
    assert house.topics().count("Order.Placed") == 1


def test_a_ping_and_what_cannot_be_read_are_repeats(house):
    """A second ping of the same bar is a repeat, and so are the same bytes within a minute."""
    ping, broken = alert("PING"), b"nothing"
    assert house.come(ping) == house.come(ping)
    assert house.come(broken) == house.come(broken) == unparsable_id(1, broken, NOW)


def test_an_exit_that_was_refused_as_it_stood_is_judged_anew(house):
    """The broker was off at the first delivery and is on at the second."""
    change_broker(house.store, 1, 1, usage=Usage.OFF)
    first = house.come(alert())
    assert house.ends(first) == (REFUSED, "broker_off")
    change_broker(house.store, 1, 1, usage=Usage.WEBHOOKS)
    house.pass_by(1)
    assert house.ends(house.come(alert())) == (TAKEN, None)


def test_a_delivery_that_is_drained_twice_is_one(house):
    """The door died between appending the delivery and removing its file. The same moment is the same delivery."""
    first = house.come(alert())
    house.say(house.order_of(first), refuse())
    house.pass_by(30)
    assert house.come(alert(), at=NOW) == first
    assert house.topics().count("Order.Placed") == 1


def test_what_its_owner_sent_after_all_is_not_sold_twice(house):
    """A repeated alert sells nothing once its owner has sent it again. The button is barred after it is judged anew."""
    first = house.come(alert())
    late = house.order_of(first)
    house.say(late, refuse("stale"))
    again = house.store.get(Order, send_again(house.store, 1, late.id, house.now))
    house.pass_by(1)
    assert house.come(alert()) == first
    house.say(again, refuse("stale"))
    house.pass_by(1)
    second = house.come(alert())
    assert second == again_id(first)
    with pytest.raises(Impossible):
        send_again(house.store, 1, again.id, house.now)
    assert send_again(house.store, 1, late.id, house.now) == again.id


# --- the identity before the upgrade -----------------------------------------------------------------------------


def received_before(house, body, at=NOW):
    """Record a webhook as an older door appended it, and let the engine judge it; return its id."""
    former = WebhookMessage.understood(body).former_id(1, at)
    with carrying(user="1"):
        house.store.save(Webhook.receive(former, 1, body, "192.0.2.1", at))
    house.judge()
    return former


@pytest.mark.parametrize("bar_time", ['"2026-03-02T09:25:00Z"', None])
def test_an_alert_from_before_the_upgrade_is_still_known(house, bar_time):
    """Its former identity is looked up for a while, and counts only when the content is the same."""
    body = alert("BuyMarket", Id="1", BarTime=bar_time)
    former = received_before(house, body)
    until = NOW + timedelta(hours=1)
    assert house.come(body, former_until=until, at=NOW + timedelta(seconds=9)) == former
    assert house.come(alert("BuyMarket", Id="2", BarTime=bar_time), former_until=until) != former
    assert house.store.get(Webhook, former).repeats == 1
    assert house.topics().count("Order.Placed") == 2


def test_the_former_identity_is_looked_up_no_longer_than_needed(house, monkeypatch):
    """A delivery received in time costs one query, a later one none. Spooled ones count by their reception."""
    asked, find = [], house.store.find

    def counted(kind, aggregate_id):
        asked.append(kind)
        return find(kind, aggregate_id)

    monkeypatch.setattr(house.store, "find", counted)
    until = NOW + timedelta(hours=1)
    house.deliver(alert(), former_until=until, at=until)
    assert asked == [Webhook]
    house.deliver(alert(Id="2"), former_until=until, at=until + timedelta(seconds=1))
    assert asked == [Webhook]
    house.pass_by(7 * 86400)
    house.deliver(alert(Id="3"), former_until=until, at=NOW)  # from the spool, after a week
    assert asked == [Webhook] * 2


def test_an_exit_that_failed_before_the_upgrade_is_judged_anew(house):
    """The new attempt's identity follows from the former one."""
    former = received_before(house, alert())
    house.say(house.order_of(former), refuse())
    again = house.come(alert(), former_until=NOW + timedelta(hours=1), at=NOW + timedelta(seconds=5))
    assert (again, house.ends(again)[0]) == (again_id(former), TAKEN)


# --- ages and pauses ---------------------------------------------------------------------------------------------


def stop_user(house):
    halt(house.store, 1)


def stop_broker(house):
    halt(house.store, 1, 1)


def disable(house):
    with carrying(user="1"):
        user = house.store.get(User, User.create_id(1))
        user.disable(2)
        house.store.save(user)


def wait(seconds):
    return lambda house: house.pass_by(seconds)


HINDRANCES = {
    "read after 90 s": (wait(90.1), "stale"),
    "the user stopped": (stop_user, "paused"),
    "the broker stopped": (stop_broker, "paused"),
    "the user is disabled": (disable, "paused"),
}


@pytest.mark.parametrize("hindrance", HINDRANCES)
@pytest.mark.parametrize("action", ["SellMarket", "SellLimit"])
def test_an_exit_that_may_not_be_sent_now_is_critical_and_can_be_sent_after_all(house, action, hindrance):
    """The exit is placed and refused in one commit: nothing reaches the exchange, and its owner can still send it."""
    happens, reason = HINDRANCES[hindrance]
    webhook_id = house.deliver(alert(action, Prix="100", PrixSL="90"))
    happens(house)
    house.judge()
    order = house.order_of(webhook_id)
    assert (order.status, order.reason, order.wish.side) == (Status.REFUSED, reason, Side.SELL)
    assert house.ends(webhook_id) == (FAILED, reason)
    facts = {"symbol": "BTC/USDT", "side": "sell", "broker": "1", "reason": reason}
    assert house.told() == [(Cause.EXIT_STALE, facts)]
    again = house.store.get(Order, send_again(house.store, 1, order.id, house.now))
    assert (again.status, again.wish) == (Status.PLACED, order.wish)
    assert house.store.find(Position, Position.create_id(1, 1, "BTC/USDT", "webhook")) is not None  # by the new order


def test_a_hindered_exit_changes_no_position(house):
    """The exit has no effect, and no stop is cancelled for it."""
    webhook_id = house.deliver(alert(PrixSL="90"))
    house.pass_by(91)
    house.judge()
    assert house.ends(webhook_id)[0] is FAILED
    assert [topic for topic in house.topics() if topic.startswith("Position.")] == []


@pytest.mark.parametrize(("seconds", "status"), [(60, TAKEN), (60.1, IGNORED), (90, IGNORED)])
def test_an_entry_lives_for_a_minute(house, seconds, status):
    """Its age counts from reception. A stale one is ignored, and its owner is warned with the age."""
    webhook_id = house.deliver(alert("BuyMarket"))
    house.pass_by(seconds)
    house.judge()
    assert house.ends(webhook_id)[0] is status
    facts = {"symbol": "BTC/USDT", "broker": "1", "age": str(int(seconds))}
    assert house.told() == ([] if status is TAKEN else [(Cause.ENTRY_STALE, facts)])
    [*raised] = house.store.read(0, topics=["Alert.Raised"])
    assert all(one.event.severity is Severity.WARNING for one in raised)


@pytest.mark.parametrize("seconds", [60.1, 90])
def test_an_exit_lives_longer_than_an_entry(house, seconds):
    """An exit lives longer than a doubt about its symbol can last."""
    webhook_id = house.deliver(alert())
    house.pass_by(seconds)
    house.judge()
    assert house.ends(webhook_id) == (TAKEN, None)
    assert house.told() == []


@pytest.mark.parametrize("action", ["BuyMarket", "MAJ"])
def test_what_is_no_exit_is_ignored_quietly_during_a_pause(house, action):
    """No alert is raised, as the person who halted trading knows of it."""
    stop_user(house)
    webhook_id = house.come(alert(action, PrixSL="90"))
    assert house.ends(webhook_id) == (IGNORED, "paused")
    assert house.told() == []


def test_an_exit_holds_nobody_up_while_no_market_is_known(house):
    """It waits until it is stale. Then an alert without a button is raised, as its symbol cannot be judged."""
    house.listed = {}
    webhook_id = house.deliver(alert())
    with pytest.raises(MarketsNotLoaded):
        house.judge()
    house.pass_by(91)
    house.judge()
    assert house.ends(webhook_id) == (IGNORED, "stale")
    facts = {"symbol": "BTC/USDT", "broker": "1", "reason": "stale"}
    assert house.told() == [(Cause.EXIT_REJECTED, facts)]


# --- refusals of our own -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "reason", "facts"),
    [
        ({"Symbol": '"NOPE"'}, "symbol_unknown", {"symbol": "NOPE"}),
        ({"UserExchangeID": "9"}, "broker_foreign", {"broker": "9"}),
        ({"UserID": "2"}, "user_foreign", {}),
        ({"PourCent": None}, "percent_missing", {}),
        ({"PourCent": None, "PourCen": "50"}, "key_misspelt", {}),
        ({"Symbol": '"a name <and> more"'}, "symbol_unknown", {"symbol": "?"}),
        ({"UserExchangeID": '"a name"'}, "not_a_number", {"broker": "?"}),
        ({"Action": None, "action": '"SellMarket"'}, "key_misspelt", {}),
    ],
)
def test_an_exit_that_cannot_be_carried_out_as_it_stands_is_told(house, changed, reason, facts):
    """The alert carries the reason. Texts written by people are not copied into it."""
    webhook_id = house.come(alert(**changed))
    assert house.ends(webhook_id) == (REFUSED, reason)
    told = {"symbol": "BTC/USDT", "broker": "1", "reason": reason, **facts}
    assert house.told() == [(Cause.EXIT_REJECTED, told)]


@pytest.mark.parametrize("body", [alert("BuyMarket", PourCent=None), b"nothing", alert(Action='"Sell"')])
def test_other_refusals_stand_in_the_list_only(house, body):
    """A rejected entry costs nothing, and the purpose of noise is unknown, so no alert is raised."""
    assert house.ends(house.come(body))[0] is REFUSED
    assert house.told() == []


@pytest.mark.parametrize("requester", ["Webhooks", PROTECTION])
@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        *((reason, Cause.EXIT_STALE) for reason in ("stale", "exit_in_doubt", "paused")),
        ("quantity_below_minimum", Cause.EXIT_REJECTED),
        ("insufficient_funds", Cause.EXIT_REJECTED),
        ("symbol_unknown", Cause.EXIT_REJECTED),
        ("broker_off", Cause.EXIT_REJECTED),
        ("cancelled_before_sending", None),
    ],
)
def test_every_refusal_of_a_sale_is_told(house, requester, reason, cause):
    """The alert has the detail. The guard reports refusals of protection, and an owner's own cancel needs no alert."""
    wish = Wish("BTC/USDT", Side.SELL, Type.MARKET, percent=Decimal(50))
    with carrying(user="1"):
        order = Order.place(
            order_id=uuid4(), user=1, broker=1, wish=wish, source=Source.WEBHOOK,
            requester=requester, client_order_id="ARISTO_1",
        )  # fmt: skip
        order.refuse(reason, "in words")
        house.store.save(order)
    house.judge()
    facts = {"symbol": "BTC/USDT", "side": "sell", "broker": "1", "reason": reason, "detail": "in words"}
    assert house.told() == ([] if cause is None or requester == PROTECTION else [(cause, facts)])


# --- the bar's age -----------------------------------------------------------------------------------------------


def limit_bars(house, bars):
    change_broker(house.store, 1, 1, oldest_bar=bars)


@pytest.mark.parametrize(
    ("action", "bar_time", "executed"),
    [
        ("BuyMarket", '"2026-03-02T09:15:00Z"', True),
        ("BuyMarket", '"2026-03-02T09:14:59Z"', False),
        ("MAJ", '"2026-03-02T09:00:00Z"', False),
        ("SellMarket", '"2026-03-02T09:00:00Z"', True),
        ("BuyMarket", None, True),
        ("BuyMarket", '"2026-03-03T09:00:00Z"', True),
    ],
)
def test_an_old_bar_enters_no_trade_where_its_broker_says_so(house, action, bar_time, executed):
    """Two more bars of five minutes may pass after the alert's own. The age of an exit's bar does not matter."""
    limit_bars(house, 2)
    webhook_id = house.come(alert(action, BarTime=bar_time, PrixSL="90"))
    assert (house.ends(webhook_id) != (REFUSED, "bar_too_old")) is executed
    limit_bars(house, 0)
    later = house.come(alert(action, BarTime=bar_time, PrixSL="90", Id="2"))
    assert house.ends(later) != (REFUSED, "bar_too_old")


def test_without_an_interval_the_age_of_a_bar_is_not_known(house):
    """Nothing is refused for an unknown age."""
    limit_bars(house, 1)
    assert house.ends(house.come(alert("BuyMarket", Interval=None, BarTime='"2020-01-01T00:00:00Z"')))[0] is TAKEN
