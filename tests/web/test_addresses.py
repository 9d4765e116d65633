"""Whom a request comes from and whom it is for: addresses, proxies and names, through a real server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from aristobot.serving import serve_until, server_for
from aristobot.settings import SettingError, Settings
from aristobot.supervision.liveness import Pulse
from aristobot.terminals.web import MOST_BODY
from tests.support.ports import neighbours
from tests.web.conftest import PASSWORDS
from web.access.throttle import OF_A_DOOR
from web.addresses import address_of, is_at_home
from web.app import create_app
from web.connection import watched

FORGED = "=cmd|'/C calc'!A0 <b>not an address</b>"
GUESS = {"username": "alice", "password": "not hers"}
RIGHT = {"username": "alice", "password": PASSWORDS["alice"]}


@pytest.fixture
def serve(console: Any, eventually: Callable[..., Any]) -> Callable[..., Any]:
    """Return `serve(proxies=(), names=())`: the console on a real port, as the web terminal serves it."""

    @contextmanager
    def served(proxies: tuple[str, ...] = (), names: tuple[str, ...] = ()) -> Iterator[httpx.Client]:
        port, stopping = neighbours(1), threading.Event()
        console.change("platform", names=names)
        settings = replace(Settings.read(), proxies=proxies)
        server = server_for(create_app(console.app.state.context), settings, port, Pulse(), watched(MOST_BODY))
        serving = threading.Thread(target=serve_until, args=(server, stopping))
        serving.start()
        try:
            eventually(lambda: server.started)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                yield client
        finally:
            stopping.set()
            serving.join()

    return served


def told(console: Any) -> set[str]:
    """Return the addresses of all sessions."""
    return {row[0] for row in console.database.connect().execute("SELECT address FROM service.sessions")}


def test_forged_addresses_outrun_no_throttle(console: Any, serve: Any) -> None:
    """Without a named proxy nobody is believed about an address, least of all from this machine."""
    console.context.people.throttle._clock = lambda: 1000.0
    with serve() as client:
        statuses = [
            client.post("/api/session", json=GUESS, headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code
            for n in range(OF_A_DOOR.free + 5)
        ]
        assert statuses == [401] * OF_A_DOOR.free + [429] * 5
        right = {"username": "bob", "password": PASSWORDS["bob"]}
        assert client.post("/api/session", json=right, headers={"X-Forwarded-For": FORGED}).status_code == 200
    assert told(console) == {"127.0.0.1"}


def test_a_named_proxy_is_believed(console: Any, serve: Any) -> None:
    """Its own word counts, which it appends, and never what came before it; what is no address is unknown."""
    with serve(proxies=("127.0.0.1",)) as client:
        for forwarded in ("203.0.113.9", f"{FORGED}, 203.0.113.10", FORGED):
            answer = client.post("/api/session", json=RIGHT, headers={"X-Forwarded-For": forwarded})
            assert answer.status_code == 200
    assert told(console) == {"203.0.113.9", "203.0.113.10", "unknown"}


def test_a_session_behind_a_foreign_proxy_is_nobody_at_home() -> None:
    """A proxy on this machine that the settings do not name makes everybody look like a neighbour."""
    here = {"client": ("127.0.0.1", 1), "headers": []}
    assert is_at_home(here)
    assert is_at_home({"client": ("::1", 1), "headers": []})
    assert not is_at_home(here | {"headers": [(b"x-forwarded-for", b"203.0.113.9")]})
    assert not is_at_home(here | {"headers": [(b"forwarded", b"for=203.0.113.9")]})
    assert not is_at_home({"client": ("203.0.113.9", 1), "headers": []})
    assert not is_at_home({"client": None, "headers": []})


@pytest.mark.parametrize("client", [None, ("", 0), (FORGED, 0), ("localhost", 0), ("1.2.3", 0)])
def test_what_is_no_address_is_unknown(client: Any) -> None:
    assert address_of({"client": client}) == "unknown"


def test_the_console_answers_under_its_own_names_only(serve: Any) -> None:
    """A name that somebody else lets lead to this machine is refused, for pages, API and live socket alike."""
    with serve(names=("Desk.example",)) as client:
        port = client.base_url.port
        good = (
            "127.0.0.1",
            f"127.0.0.1:{port}",
            "localhost",
            f"LOCALHOST:{port}",
            "[::1]:80",
            "10.0.0.7",
            "desk.EXAMPLE:443",
        )
        bad = (
            "evil.example",
            f"evil.example:{port}",
            "localhost.evil.example",
            "",
            "127.0.0.1.evil",
            "desk.example.",
            "[",
            "a b",
            "[::1",
        )
        for host in good:
            assert client.get("/api/health", headers={"Host": host}).status_code == 200, host
        for host in bad:
            answer = client.get("/api/health", headers={"Host": host})
            assert (answer.status_code, answer.json()["code"]) == (421, "host_unknown"), host
            assert client.post("/api/session", json=RIGHT, headers={"Host": host}).status_code == 421
        with pytest.raises(InvalidStatus, match="403"):
            connect(f"ws://127.0.0.1:{port}/api/live", additional_headers={"Host": "evil.example"})


@pytest.mark.parametrize("said", ["somewhere", "10.0.0.0/33", "10.0.0.1;10.0.0.2"])
def test_a_proxy_that_is_no_address_is_a_wrong_setting(monkeypatch: Any, said: str) -> None:
    monkeypatch.setenv("ARISTOBOT_PROXIES", said)
    with pytest.raises(SettingError, match="ARISTOBOT_PROXIES"):
        Settings.read()


def test_headers_of_the_console_have_a_bound(serve: Any) -> None:
    with serve() as client:
        answer = client.get("/api/health", headers={"X-Long": "x" * 20_000})
        assert (answer.status_code, answer.json()["code"]) == (431, "headers_too_large")


def test_bodies_of_the_console_have_a_bound(serve: Any) -> None:
    """Nobody fills the memory with a login that never ends."""
    with serve() as client:
        sent = b'{"username":"' + b"x" * 20 * MOST_BODY + b'","password":"x"}'
        try:
            status = client.post("/api/session", content=sent).status_code
        except httpx.HTTPError:
            status = 413  # it hung up while we still sent
        assert status == 413
        assert client.get("/api/health").status_code == 200
