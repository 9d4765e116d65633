"""The live socket: who gets one, and what is told on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from starlette.websockets import WebSocketDisconnect

from adapters.log.eventstore import open_pool
from adapters.tables.reference import MarketTable
from application.webhooks.reception import receive
from domain.market import Market
from web.live.feed import TOPICS, Feed
from web.live.feeds import MOST
from web.live.reader import KEPT, Reader

CENT = Decimal("0.01")


def connect(client: Any, origin: str = "http://127.0.0.1") -> Any:
    return client.websocket_connect("ws://127.0.0.1/api/live", headers={"Origin": origin, "Host": "127.0.0.1"})


@contextmanager
def following(client: Any, *topics: str) -> Iterator[Any]:
    """Yield a socket that follows these topics, all of them without any."""
    with connect(client) as socket:
        socket.send_json({"follow": topics or TOPICS})
        yield socket


def snapshots(socket: Any, topics: Iterable[str] = TOPICS) -> dict[str, dict[str, Any]]:
    """Return the snapshot of each topic."""
    told: dict[str, dict[str, Any]] = {}
    while set(told) != set(topics):
        message = socket.receive_json()
        told.setdefault(message["topic"], message)
    assert {message["kind"] for message in told.values()} == {"snapshot"}
    return told


def hear(socket: Any, messages: int) -> None:
    for _ in range(messages):
        socket.receive_json()


def test_the_socket_opens_to_the_console_alone(alice: Any) -> None:
    """A page of another origin gets no socket, although the browser would send the cookie."""
    for origin in ("http://evil.example", "http://127.0.0.1.evil.example", "http://127.0.0.1:81", "null", ""):
        with pytest.raises(WebSocketDisconnect) as refused, connect(alice, origin):
            pass
        assert refused.value.code == 4403, origin
    with following(alice) as socket:
        assert socket.receive_json()["kind"] == "snapshot"


def test_the_socket_needs_a_session(console: Any) -> None:
    """Without a session it closes with a code that the console understands."""
    with connect(console.client()) as socket:
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
        assert closed.value.code == 4401


def test_a_session_that_ends_closes_the_socket(alice: Any) -> None:
    with following(alice, "brokers") as socket:
        snapshots(socket, ["brokers"])
        alice.delete("/api/session")
        with pytest.raises(WebSocketDisconnect) as closed:
            hear(socket, 10)
        assert closed.value.code == 4401


def test_a_user_has_eight_live_sockets(console: Any, alice: Any) -> None:
    """The ninth is closed with a code that the console understands; another user's is not, nor one after another."""
    with ExitStack() as open_ones:
        for _ in range(MOST):
            assert open_ones.enter_context(following(alice)).receive_json()["kind"] == "snapshot"
        with connect(alice) as ninth, pytest.raises(WebSocketDisconnect) as closed:
            ninth.receive_json()
        assert closed.value.code == 4429
        with following(console.logged_in("bob")) as other:
            assert other.receive_json()["kind"] == "snapshot"
    with following(alice) as again:
        assert again.receive_json()["kind"] == "snapshot"


def test_the_socket_shows_its_own_users_rows(console: Any, alice: Any) -> None:
    """Each browser receives only its user's rows."""
    console.database.placed(console.store, user=2, broker=2)
    mine = console.database.placed(console.store)
    console.project()
    with following(alice) as socket:
        told = snapshots(socket)
    assert [row["id"] for row in told["trades"]["items"]] == [str(mine.id)]
    assert [row["number"] for row in told["brokers"]["items"]] == [1]


def test_what_is_said_on_the_socket(alice: Any) -> None:
    """Unknown messages and topics are ignored. The socket stays open and answers the next known message."""
    with following(alice, "brokers", "secrets") as socket:
        snapshots(socket, ["brokers"])
        for said in (
            *({"resync": "secrets"}, {"resync": None}, {"resync": "trades"}, {"other": 1}, {"follow": "brokers"}),
            *([], 1, None, "trades", {"follow": ["brokers", "brokers", None, 1, {}, [], "secrets"]}),
        ):
            socket.send_json(said)
        socket.send_json({"resync": "brokers"})
        message = socket.receive_json()
        assert (message["topic"], message["kind"], message["sequence"]) == ("brokers", "snapshot", 1)


def test_bytes_on_the_socket(alice: Any) -> None:
    """A binary frame ends the socket like any other invalid message, without an error in the server."""
    with following(alice) as socket:
        snapshots(socket)
        socket.send_bytes(b"x")


def webhook(console: Any) -> str:
    """Receive a webhook, project it, and return its id."""
    delivery = receive(console.store, 1, str(uuid4()).encode(), "192.0.2.1", datetime.now(UTC))
    console.project()
    return str(delivery)


def test_only_what_is_followed_is_told(console: Any, alice: Any) -> None:
    with following(alice, "webhooks") as socket:
        assert snapshots(socket, ["webhooks"])["webhooks"]["items"] == []
        # Given one that is followed: the change is told, with the next number.
        first = webhook(console)
        message = socket.receive_json()
        assert (message["topic"], message["kind"], message["sequence"]) == ("webhooks", "changes", 2)
        assert [row["id"] for row in message["items"]] == [first]
        # When the browser turns to another topic, changes of the first are told no more.
        socket.send_json({"follow": ["brokers"]})
        assert socket.receive_json()["topic"] == "brokers"
        second = webhook(console)
        # And when it comes back, it gets everything anew.
        socket.send_json({"follow": ["brokers", "webhooks"]})
        message = socket.receive_json()
        assert (message["topic"], message["kind"], message["sequence"]) == ("webhooks", "snapshot", 1)
        assert {row["id"] for row in message["items"]} == {first, second}


def test_the_sockets_of_a_user_share_one_look(console: Any, alice: Any, monkeypatch: Any) -> None:
    """However many windows are open, rows are read once and told to each."""
    read: list[str] = []
    forms = Feed._forms
    monkeypatch.setattr(
        Feed, "_forms", lambda self, cursor, topic, rows: read.append(topic) or forms(self, cursor, topic, rows)
    )
    with ExitStack() as windows:
        sockets = [windows.enter_context(following(alice, "webhooks")) for _ in range(MOST)]
        for socket in sockets:
            snapshots(socket, ["webhooks"])
        read.clear()
        delivery = webhook(console)
        for socket in sockets:
            assert [row["id"] for row in socket.receive_json()["items"]] == [delivery]
    assert read == ["webhooks"]


def test_each_step_of_the_loading_of_pairs_is_told(console: Any, alice: Any) -> None:
    """As many as Bitget has. In the end their number is told, and no step any longer."""
    step: list[tuple[int, int] | None] = [None]
    console.change("platform", loading=lambda *_: step[0])
    feed, seen = Feed(console.app.state.context, 1), list[tuple[Any, int]]()
    reader = feed.follow("brokers")
    feed.snapshot("brokers", reader)

    def told(done: int, total: int) -> None:
        step[0], version = (done, total) if done < total else None, reader.version
        feed.look()
        since = reader.since(version)
        assert since is not None
        seen.extend((item["loading"], item["pairs"]) for item in since[1])

    markets = [Market("binance", f"C{n}/USDT", f"C{n}USDT", f"C{n}", "USDT", True, CENT, CENT) for n in range(1247)]
    with open_pool(console.database.url_for("aristobot_writer"), 1) as pool:
        MarketTable(pool).replace("binance", "paper", markets, told)
    assert seen == [*(({"done": done, "total": 1247}, 0) for done in range(0, 1247, 100)), (None, 1247)]


def test_a_row_that_changed_often_is_told_once() -> None:
    """A browser that was busy meanwhile gets the latest of each row, in the order of their last changes."""
    reader = Reader("id")
    for number in range(1000):
        reader.take([{"id": number % 10, "number": number}])
    version, items = reader.since(0) or (0, [])
    assert [item["number"] for item in items] == [*range(990, 1000)]
    assert reader.since(version) == (version, [])
    # A row that is told again without a change is none.
    reader.take([{"id": 9, "number": 999}])
    assert reader.version == version
    reader.take([{"id": 0, "number": 1000}, {"id": 9, "number": 999}])
    assert reader.since(version) == (version + 1, [{"id": 0, "number": 1000}])


def test_whoever_is_too_far_behind_begins_anew() -> None:
    """A reader keeps a bounded number of rows, and says when that was not enough."""
    reader = Reader("id")
    reader.take([{"id": number} for number in range(KEPT)])
    assert len((reader.since(0) or (0, []))[1]) == KEPT
    reader.take([{"id": KEPT}])
    assert reader.since(0) is None
    assert len((reader.since(1) or (0, []))[1]) == KEPT


# --- what is looked at -----------------------------------------------------------------------------------------------

DEPTH = {"at": 1.0, "bids": [["99", "1"]], "asks": [["101", "1"]], "trades": []}


def test_the_depth_of_one_market_is_told_while_it_is_looked_at(console: Any, alice: Any) -> None:
    needed = list[Any]()
    knows_btc(console)
    console.change("platform", need_depth=lambda key, _: needed.append(key), depth=lambda _: DEPTH)
    with connect(alice) as socket:
        socket.send_json({"look": {"broker": 1, "symbol": "BTC/USDT"}})
        message = socket.receive_json()
        assert (message["topic"], message["kind"], message["sequence"]) == ("depth", "snapshot", 1)
        assert message["items"] == [{**DEPTH, "symbol": "BTC/USDT"}]
    assert set(needed) == {("binance", "paper", "BTC/USDT")}


@pytest.mark.parametrize(
    "asked",
    [
        None, [], "BTC/USDT", {}, {"broker": 2, "symbol": "BTC/USDT"}, {"broker": 10**30, "symbol": "BTC/USDT"},
        {"broker": True, "symbol": "BTC/USDT"}, {"broker": 1, "symbol": "NOPE/USDT"}, {"broker": 1, "symbol": {}},
        {"broker": 1}, {"broker": -1, "symbol": "BTC/USDT"},
    ],
)  # fmt: skip
def test_what_cannot_be_looked_at_tells_nothing_and_closes_nothing(console: Any, alice: Any, asked: Any) -> None:
    """Bob's broker, one that is not, a market that is not, and nonsense."""
    needed = list[Any]()
    knows_btc(console)
    console.change("platform", need_depth=lambda key, _: needed.append(key), depth=lambda _: DEPTH)
    with connect(alice) as socket:
        socket.send_json({"look": asked})
        for number in range(3):
            socket.send_json({"ping": number})
            assert socket.receive_json() == {"pong": number}
    assert needed == []


def knows_btc(console: Any) -> None:
    """Let the gateway have loaded one market."""
    market = Market("binance", "BTC/USDT", "BTCUSDT", "BTC", "USDT", True, CENT, CENT, minimum_notional=Decimal(5))
    with open_pool(console.database.url_for("aristobot_writer"), 1) as pool:
        MarketTable(pool).replace("binance", "paper", [market])
    console.change("records", markets=MarketTable(console.context.records.pool))
