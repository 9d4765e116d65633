"""The embedded Valkey: a socket for its owner alone, nothing on disk, and no process left behind.

See also `test_postgres.py`.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import redis

import aristobot
from aristobot.servers.process import ServerError
from aristobot.servers.valkey import Valkey


@pytest.fixture
def server(home):
    server = Valkey(home)
    yield server
    server.stop()


def _client(server):
    return redis.Redis.from_url(server.url, decode_responses=True)


def test_it_starts_answers_and_stops(server, home):
    """A restart begins empty, as all its data is short-lived."""
    server.start()
    with _client(server) as client:
        client.set("x", "1")
        assert client.get("x") == "1"
    assert server.alive()
    server.stop()
    assert not server.alive()
    server.start()
    with _client(server) as client:
        assert client.get("x") is None


def test_it_keeps_no_files(server):
    """No file is written, neither while the server runs nor when it ends or is told to stop."""
    server.start()
    with _client(server) as client:
        client.set("x", "1")
        assert client.config_get("save", "appendonly") == {"save": "", "appendonly": "no"}
    server.stop()
    assert [path for path in server._folder.rglob("*") if path.is_file()] == []


def test_it_is_reached_through_its_socket_only(server, network_sockets):
    """Only their owner can open the folder and the socket, and no network port is open."""
    server.start()
    path = Path(server.url.removeprefix("unix://"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert network_sockets(server._process.pid) == set()


def test_a_killed_server_is_started_again(server, eventually):
    """The socket left behind does not prevent a new start."""
    server.start()
    os.kill(server._process.pid, signal.SIGKILL)
    eventually(lambda: not server.alive())
    server.start()
    with _client(server) as client:
        assert client.ping()


def test_a_server_that_ends_says_where_to_look(server, home):
    """The message names the log file."""
    home.chmod(0o700)
    server._socket = home / ("too-long" * 20)
    with pytest.raises(ServerError, match=r"valkey\.log"):
        server.start()


def test_where_no_wheel_fits(server, monkeypatch):
    """Without a wheel for the machine, the message names the setting that helps."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ServerError, match="ARISTOBOT_REDIS_URL"):
        server.start()


def test_a_long_home_has_a_short_socket(deep_home):
    """The path of a socket must be short.

    Every process finds the same one, in a folder that only its owner can enter.
    """
    server = Valkey(deep_home)
    server.start()
    try:
        code = """
import sys
from pathlib import Path
from aristobot.servers.valkey import Valkey
print(Valkey(Path(sys.argv[1])).url)
"""
        root = Path(aristobot.__file__).parents[1]
        found = subprocess.run(
            [sys.executable, "-c", code, deep_home], cwd=root, capture_output=True, text=True, check=True
        )
        assert found.stdout.strip() == server.url
        assert stat.S_IMODE(Path(server.url.removeprefix("unix://")).parent.stat().st_mode) == 0o700
    finally:
        server.stop()
