"""Random histories of everything that the platform records, made with the real verbs and saved in the real log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from adapters.log.eventstore import Store
from domain.aggregate import Aggregate, Personal, carrying
from domain.alert import Alert, Cause, Severity
from domain.orders.execution import Execution
from domain.orders.order import Order
from domain.orders.order_status import ENDED, Status
from domain.orders.wish import Protection, Side, Source, Type, Wish
from domain.people.broker import Broker, Exchange, Limits, StopStyle, Usage, Venue
from domain.people.user import Preferences, Role, User
from domain.reconciliation import Discrepancy, Fact, Kind, Occasion, Phase, Reconciliation, Resolution, Statement
from domain.refusals import Refused
from domain.strategies.strategy import Strategy
from domain.trading.position import Position
from domain.webhooks.gates import Gates
from domain.webhooks.stream import WebhookStream
from domain.webhooks.stream_state import StreamKey
from domain.webhooks.webhook import Webhook

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ALERT = b'{"Symbol": "BTCUSDT", "Action": BuyMarket, "PourCent": 10, "UserID": 1, "UserExchangeID": %d, "Prix": NaN}'
BODIES = (
    ALERT,
    ALERT.replace(b"BTCUSDT", "₿TC\u2028".encode()),
    b'{"Action": "PING"}',
    b"no JSON \xff\xfe at all",
    b"\x00\x01",
    b"",
)
RAWS = ('{"status":"NEW","price":"64250.10"}', '{"n":1.50,"deep":{"a":[1,null]}}', "<html>502</html>", "", '"\\u0000"')


class History:
    """A random but repeatable history of two users and their brokers, webhooks and orders."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.random = Random(seed)
        self.orders: list[Order] = []
        self.webhooks: list[Webhook] = []
        self.brokers: list[Broker] = []
        self.positions: list[Position] = []
        self.alerts: list[Alert] = []
        self.runs: list[Reconciliation] = []
        self.streams: list[WebhookStream] = []
        self.strategies: list[Strategy] = []
        self.now = NOW
        self.users: list[User] = []
        for number in (1, 2):
            with carrying(user=str(number)):
                self.users.append(User.register(number, f"user-{number}", Role.TRADER))
        store.save(*self.users)

    def go_on(self, steps: int) -> None:
        """Apply and save this many random steps. Verbs that the domain refuses leave no trace."""
        for _ in range(steps):
            number = self.random.choice((1, 2))
            with carrying(user=str(number), source="history"):
                said = [self._something(number) for _ in range(self.random.choice((1, 1, 2)))]
                self.store.save(*dict.fromkeys(said))

    def _something(self, user: int) -> Aggregate:
        kinds: list[Callable[[int], Aggregate]] = [
            self._new_order, self._new_webhook, self._new_broker, self._new_position, self._new_alert,
            self._new_run, self._new_stream, self._new_strategy,
        ]  # fmt: skip
        weights = [4, 3, 1, 1, 1, 1, 1, 1, 12, 4, 3, 2, 8, 2, 3, 12, 4]
        kind = self.random.choices([*kinds, *map(self._changed, self._lists())], weights=weights)[0]
        return kind(user)

    def _lists(self) -> list[tuple[list[Any], dict[str, Callable[[Any], None]]]]:
        return [
            (self.orders, self._order_verbs()),
            (self.webhooks, self._webhook_verbs()),
            (self.brokers, self._broker_verbs()),
            (self.users, {name: lambda u, n=name: getattr(u, n)() for name in ("log_out", *_TRADING)} | _USER_VERBS),
            (self.positions, self._position_verbs()),
            (self.alerts, self._alert_verbs()),
            (self.runs, self._run_verbs()),
            (self.streams, self._stream_verbs()),
            (self.strategies, self._strategy_verbs()),
        ]

    def _changed(self, of: tuple[list[Any], dict[str, Callable[[Any], None]]]) -> Callable[[int], Aggregate]:
        things, verbs = of

        def change(user: int) -> Aggregate:
            mine = [thing for thing in things[-8:] if getattr(thing, "user", getattr(thing, "number", None)) == user]
            if not mine:
                return self._new_order(user)
            thing = self.random.choice(mine)
            for _ in range(self.random.choice((1, 2, 3))):
                try:
                    verbs[self.random.choice(sorted(verbs))](thing)
                except Refused:
                    continue
            return thing

        return change

    def _new_strategy(self, user: int) -> Strategy:
        strategy = Strategy.create(len(self.strategies) + 1, user, f"strategy of {user}", "", "1m")
        strategy.change_code("a = 1", 1000, 0)
        self.strategies.append(strategy)
        return strategy

    def _strategy_verbs(self) -> dict[str, Callable[[Strategy], None]]:
        return {
            "change_code": lambda s: s.change_code(f"a = {self.random.random()}", 1000, len(s.versions)) and None,
            "validate": lambda s: s.validate(self.random.randrange(1, 4), 100),
            "invalidate": lambda s: s.invalidate(self.random.randrange(1, 4), "import", 1),
            "rename": lambda s: s.rename(f"strategy {self.random.random()}", "described"),
            "choose_timeframe": lambda s: s.choose_timeframe("15m"),
            "delete": lambda s: s.delete(),
        }

    def _amount(self) -> Decimal:
        return Decimal(self.random.randrange(1, 10**6)) / Decimal(10 ** self.random.choice((2, 5, 18)))

    def _new_order(self, user: int) -> Order:
        size = self.random.choice(("quantity", "cost", "percent"))
        price = self._amount() if size == "quantity" and self.random.random() < 0.5 else None
        amount = Decimal(50) if size == "percent" else self._amount()
        side = self.random.choice((Side.BUY, Side.SELL))
        wish = Wish("BTC/USDT", side, Type.LIMIT if price else Type.MARKET, price=price, **{size: amount})
        if self.random.random() < 0.2:
            number = str(self.random.randrange(10**12))
            order = Order.adopt(user=user, broker=1, exchange_order_id=number, wish=wish, raw=self._raw())
        else:
            cause = self.random.choice(self.webhooks).id if self.webhooks else None
            source = Source.WEBHOOK if cause and self.random.random() < 0.5 else Source.MANUAL
            order_id = self._id()
            order = Order.place(
                order_id=order_id, user=user, broker=1, wish=wish, source=source, requester="x",
                client_order_id=order_id.hex, cause=cause,
            )  # fmt: skip
        self.orders.append(order)
        return order

    def _new_webhook(self, user: int) -> Webhook:
        body = self.random.choice(BODIES).replace(b"%d", str(self.random.randrange(1, 9)).encode())
        self.webhooks.append(Webhook.receive(self._id(), user, body, "192.0.2.1", NOW))
        return self.webhooks[-1]

    def _new_broker(self, user: int) -> Broker:
        number = len(self.brokers) + 1
        self.brokers.append(Broker.connect(number, user, Exchange.BINANCE, Venue.PAPER, f"broker {number}"))
        return self.brokers[-1]

    def _new_position(self, user: int) -> Position:
        self.positions.append(Position(user, 1, "BTC/USDT", f"owner-{len(self.positions)}"))
        return self.positions[-1]

    def _new_alert(self, user: int) -> Alert:
        facts = {"symbol": "BTC/USDT", "reason": "it said \x00"[: self.random.choice((9, 7))]}
        self.alerts.append(Alert(user, self._id().hex, Cause.ORDER_UNKNOWN, Severity.WARNING, self._id(), facts))
        return self.alerts[-1]

    def _id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128))

    def _raw(self) -> Personal:
        return Personal(self.random.choice(RAWS))

    def _order_verbs(self) -> dict[str, Callable[[Order], None]]:
        draw, amount, raw = self.random.choice, self._amount, self._raw

        def part(order: Order) -> Decimal:
            return draw(
                [rest for rest in (order.remaining, order.remaining and order.remaining / 2) if rest] or [amount()]
            )

        def submit(order: Order) -> None:
            cost, quantity = order.wish.cost, order.wish.quantity or amount()
            size = (None, cost) if cost else (quantity, None)
            until = NOW + timedelta(seconds=5)
            order.submit(self._id(), now=NOW, valid_until=until, quantity=size[0], cost=size[1], price=order.price)

        def filled(order: Order) -> None:
            fee, currency = draw(((amount(), "USDT"), (amount(), "BNB"), (Decimal(0), None)))
            order.fill(f"t{draw(range(40))}", part(order), amount(), fee, currency, NOW, draw((None, True)), raw())

        return {
            "submit": submit, "submit at last": submit, "fill": filled, "fill again": filled,
            "accept": lambda order: order.accept(f"X{draw(range(40))}", raw()),
            "refuse": lambda order: order.refuse("stale", "too late"),
            "reject": lambda order: order.reject("funds", raw()),
            "progress": lambda order: order.progress(order.filled + part(order), amount(), raw()),
            "close": lambda order: order.close(raw()),
            "cancel": lambda order: order.cancel("asked", raw()),
            "expire": lambda order: order.expire("IOC", raw()),
            "doubt": lambda order: order.doubt("silence"),
            "unknown word": lambda order: order.meet_unknown_status(draw(("ODD", "EVEN")), raw()),
            "resolve": lambda order: order.resolve(1, draw(sorted(ENDED)), "I looked"),
            "correct": lambda order: order.correct(order.status, draw((Status.OPEN, Status.CANCELLED)), raw()),
            "request amend": lambda order: order.request_amend(self._id().hex, draw((None, amount())), amount(), NOW),
            "amend": lambda order: order.amend(f"A{draw(range(9))}", draw((None, amount())), None, raw()),
            "reject amend": lambda order: order.reject_amend("no", raw()),
            "request cancel": lambda order: order.request_cancel("somebody"),
            "reject cancel": lambda order: order.reject_cancel("unknown order", raw()),
        }  # fmt: skip

    def _position_verbs(self) -> dict[str, Callable[[Position], None]]:
        draw, amount = self.random.choice, self._amount

        def recorded(user: int) -> list[UUID]:
            # Only orders of the same person that are in the log already: a sale is shown in the row of its order.
            return [order.id for order in self.orders if not order.pending_events and order.user == user]

        def execution(position: Position, quantity: Decimal) -> Execution:
            known = recorded(position.user) or [self._id()]
            fee, currency = draw(((Decimal("0.001"), "USDT"), (Decimal("0.00000001"), "BTC"), (Decimal(0), None)))
            return Execution(draw(known), self._id().hex, quantity, amount(), fee, currency, NOW)

        def reduce(position: Position) -> None:
            if recorded(position.user):
                part = draw((position.held, position.held / 3)) or amount()
                position.reduce(
                    execution(position, part), draw((Decimal(0), amount())), by_protection=draw((True, False))
                )

        def want(position: Position) -> None:
            stop = draw((None, amount()))
            protection = Protection(stop, None if stop is None else stop * 2)
            position.want(protection, Decimal(draw((50, 100))), self._id(), awaited=draw(((), (self._id(),))))

        return {
            "grow": lambda position: position.grow(execution(position, amount())), "reduce": reduce, "want": want,
            "enter": lambda position: position.enter(self._id(), draw((None, Protection(amount())))),
            "abandon": lambda position: position.abandon(),
            "leave": lambda position: position.leave(self._id()),
            "rest": lambda position: position.rest([self._id()], amount()),
            "lose": lambda position: position.lose_protection("refused"),
            "refuse": lambda position: position.refuse_protection("wrong side"),
        }  # fmt: skip

    def _broker_verbs(self) -> dict[str, Callable[[Broker], None]]:
        draw = self.random.choice
        simple = ("make_default", "pass_default_on", *_TRADING)
        return {name: lambda broker, name=name: getattr(broker, name)() for name in simple} | {
            "rename": lambda broker: broker.rename(f"broker {draw(range(99))}"),
            "use": lambda broker: broker.use_for(draw([*Usage])),
            "limit": lambda broker: broker.limit(
                Limits("USDC", draw((None, self._amount())), draw((None, self._amount())))
            ),
            "stops": lambda broker: broker.rest_stops_as(draw([*StopStyle])),
            "bars": lambda broker: broker.refuse_bars_older_than(draw((None, 1, 1000))),
            "keys": lambda broker: broker.store_credential(self._id().hex[:12]),
            "test": lambda broker: broker.record_test(ok=draw((True, False)), detail="key_invalid"),
            "markets": lambda broker: broker.record_markets(draw(range(2000)), shared=draw((True, False))),
            "remove": lambda broker: broker.remove(orders_open=draw((True, True, False))),
        }

    def _new_run(self, user: int) -> Reconciliation:
        self.runs.append(Reconciliation(self._id(), user, 1, self.random.choice([*Occasion]), NOW))
        return self.runs[-1]

    def _run_verbs(self) -> dict[str, Callable[[Reconciliation], None]]:
        draw, seconds = self.random.choice, Decimal(self.random.randrange(10**6)) / 1000

        def difference() -> Discrepancy:
            order, said = draw((None, self._id())), draw(("", "NEW 0/1", "a\x00b"))
            return Discrepancy(
                order,
                "BTC/USDT",
                draw((None, "77")),
                Statement(Kind.NOTHING),
                Statement(Kind.NOT_LISTED, {"said": said}),
                draw([*Resolution]),
                (Fact("Filled", {"trade_id": said}),),
            )

        return {
            "phase": lambda run: run.complete_phase(draw([*Phase]), seconds, {"open": self.random.randrange(9)}),
            "find": lambda run: run.find(difference(), self._raw()),
            "complete": lambda run: run.complete(seconds),
            "fail": lambda run: run.fail("no_answer", seconds, "nobody answered"),
        }

    def _new_stream(self, user: int) -> WebhookStream:
        key = StreamKey(user, 1, "BTCUSDT", self.random.choice(("5", "1D", "10R")), self._id().hex)
        self.streams.append(WebhookStream.open(key))
        return self.streams[-1]

    def _stream_verbs(self) -> dict[str, Callable[[WebhookStream], None]]:
        draw = self.random.choice

        def arrive(stream: WebhookStream) -> None:
            mine = [one for one in self.webhooks if one.user == stream.user and not one.pending_events]
            if mine:
                stream.arrive(draw(mine).id, None, self._later())

        def judge(stream: WebhookStream) -> None:
            stream.monitor(1, self._later())
            stream.judge(self._later(), lambda _: draw((True, False, False)))

        return {
            "arrive": arrive, "arrive again": arrive, "pause": lambda stream: stream.pause(1),
            "monitor": lambda stream: stream.monitor(1, self._later()),
            "gates": lambda stream: stream.set_gates(Gates(draw((True, False)), draw((None, 5)), None, 3), 1),
            "resume": lambda stream: stream.resume(1, self._later()), "close": lambda stream: stream.close(1),
            **dict.fromkeys(("judge", "judge again", "and again"), judge),
        }  # fmt: skip

    def _later(self) -> datetime:
        self.now += timedelta(seconds=self.random.choice((1, 70, 200, 300)))
        return self.now

    def _alert_verbs(self) -> dict[str, Callable[[Alert], None]]:
        channel = self.random.choice(("Discord", "phone"))
        return {
            "sent": lambda alert: alert.record_sent(channel),
            "failed": lambda alert: alert.record_failure(channel, "not_delivered"),
            "acknowledge": lambda alert: alert.acknowledge(),
        }

    def _webhook_verbs(self) -> dict[str, Callable[[Webhook], None]]:
        return {
            "repeat": lambda webhook: webhook.repeat(NOW),
            "take": lambda webhook: webhook.take([self._id()]),
            "ignore": lambda webhook: webhook.ignore("ping"),
            "refuse": lambda webhook: webhook.refuse("not_json", "it said \x00"),
            "execute": lambda webhook: webhook.execute([self._id()]),
            "fail": lambda webhook: webhook.fail("funds", "too little"),
        }


_TRADING = ("stop_trading", "resume_trading")
_USER_VERBS: dict[str, Callable[[User], None]] = {
    "log in": lambda user: user.log_in("192.0.2.9"),
    "second factor": lambda user: user.enable_second_factor(),
    "no second factor": lambda user: user.disable_second_factor(0),
    "disable": lambda user: user.disable(1),
    "enable": lambda user: user.enable(1),
    "prefer": lambda user: user.prefer(Preferences("en" if user.preferences.language == "fr" else "fr")),
}
