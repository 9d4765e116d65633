"""A platform in trouble for tests of alerts: users, their channels on loopback, the engine, and ways to go wrong."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID

from application.people.users import add_channel, register, switch_account
from aristobot.settings import Settings
from aristobot.supervision.liveness import Pulse
from aristobot.supervision.standstill import Lookout, Standstill
from aristobot.terminals.alerts import terminal as alerts
from aristobot.terminals.alerts.open_alerts import OpenAlerts
from aristobot.terminals.alerts.terminal import Herald
from aristobot.terminals.alerts.watch import Watch
from aristobot.terminals.engine.terminal import Engine
from aristobot.wiring import House
from domain.aggregate import carrying
from domain.orders.execution import Execution
from domain.trading.position import Position
from tests.conftest import NOW
from tests.support.log import Log

RAISED, SENT, FAILED = "Alert.Raised", "Alert.Sent", "Alert.Failed"


class Channel:
    """A service on loopback that takes alerts as JSON and answers with the status in `answer`, at first 200."""

    def __init__(self):
        self.heard, self.answer = [], 200
        channel = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                channel.heard.append((body["title"], body["message"].replace("\u00a0", " ")))
                self.send_response(channel.answer)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"json://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Trouble:
    """Two enabled users and a disabled one, two channels of the first, the engine, and things that can go wrong."""

    def __init__(self, database, web, own):
        self.database, self.web, self.house, self.store = database, web, own, own.store
        self.one, self.other = Channel(), Channel()
        for name in ("somebody", "another", "disabled"):
            register(web.store, web.vault, name, "a long password of nobody 42")
        switch_account(web.store, 3, enabled=False, by=1)
        add_channel(web.store, web.channels, 1, "one", self.one.address)
        add_channel(web.store, web.channels, 1, "other", self.other.address)
        self.engine = Engine(own, Log())

    def judge(self):
        """Let the engine judge every event that it has not judged yet."""
        while self.engine.step():
            pass

    def doubt(self):
        """Put a new order in doubt: the exchange does not answer."""
        order = self.database.submitted(self.store)
        with carrying(user="1"):
            order.doubt("silence")
            self.store.save(order)
        self.judge()

    def lose(self, reason):
        """Leave a position without protection for this reason."""
        with carrying(user="1"):
            position = Position(1, 1, "BTC/USDT", "webhook")
            position.grow(Execution(UUID(int=1), "t1", Decimal(1), Decimal(100), Decimal(0), None, NOW))
            position.lose_protection(reason)
            self.store.save(position)
        self.judge()

    @contextmanager
    def herald(self):
        """Yield a herald in the state of a terminal that has just started."""
        herald = Herald(self.house, Log(), OpenAlerts(self.store, Log()), Pulse())
        yield herald
        herald.close()

    def send(self):
        """Let a new herald send everything that waits to be sent."""
        with self.herald() as herald:
            while herald.step():
                pass

    def events(self, topic):
        """Return the events of a topic."""
        return [recorded.event for recorded in self.store.read(0, topics=[topic])]

    def raised(self):
        """Return user and cause of every alert, in log order."""
        return [(event.user, event.cause) for event in self.events(RAISED)]

    def outcomes(self):
        """Return the channels of all deliveries, and the channel and number of every failed attempt."""
        failed = [(event.channel, event.attempt) for event in self.events(FAILED)]
        return sorted(event.channel for event in self.events(SENT)), failed


@contextmanager
def troubled(database, valkey, tmp_path, monkeypatch):
    """Yield a platform in trouble whose delivery attempts follow each other without a pause."""
    monkeypatch.setattr(alerts, "PAUSES", (0.0, 0.0, 0.0))
    given = {"SECRET_KEY": database.secret, "HOME": str(tmp_path), "REDIS_URL": valkey.url, "PRIVATE_CHANNELS": "true"}
    for name, value in given.items():
        monkeypatch.setenv(f"ARISTOBOT_{name}", value)

    def house(role):
        monkeypatch.setenv("ARISTOBOT_DATABASE_URL", database.url_for(role))
        return House(Settings.read())

    web, own = house("aristobot_web"), house("aristobot_writer")
    with web.pool, own.pool:
        made = Trouble(database, web, own)
        yield made
        made.one.close()
        made.other.close()


class Terminal:
    """The alerts terminal after a start. A turn sends what was raised, ends what is over and sends the all-clears."""

    def __init__(self, trouble):
        self.opened = OpenAlerts(trouble.store, Log())
        self.herald = Herald(trouble.house, Log(), self.opened, Pulse())
        lookout = Lookout(Standstill(trouble.house.bus, trouble.store), Log())
        self.watch = Watch(trouble.house, Log(), self.opened, lookout)

    def turn(self):
        self._send()
        self.watch.look()
        self._send()

    def _send(self):
        while self.herald.step():
            pass
