"""The embedded PostgreSQL: starts anywhere, keeps every commit, admits only its owner, and leaves no process behind."""

from __future__ import annotations

import importlib.util
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import aristobot
from adapters.database.migrate import OWNER
from adapters.vault.keys import MasterKey
from aristobot.servers.postgres import Postgres
from aristobot.servers.process import ServerError

MODES = ("namespace", "account", "plain")


@pytest.fixture
def server(home):
    server = Postgres(home, MasterKey("secret"))
    yield server
    server.stop()


def _do(server, *statements):
    with psycopg.connect(server.url, autocommit=True) as connection:
        cursors = [connection.execute(statement) for statement in statements]
        return cursors[-1].fetchall() if cursors[-1].description else None


# --- starting and stopping -----------------------------------------------------------------------------------------


def test_a_restart_keeps_the_data(server, home):
    """The first start creates the database, and the second finds it. Its owner is no superuser."""
    server.start()
    assert server.alive()
    _do(server, "CREATE TABLE kept (x int)", "INSERT INTO kept VALUES (7)")
    assert _do(server, "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user") == [(OWNER, False)]
    server.stop()
    assert not server.alive()
    again = Postgres(home, MasterKey("secret"))
    again.start()
    try:
        assert _do(again, "SELECT x FROM kept") == [(7,)]
    finally:
        again.stop()


def test_commits_are_durable(server):
    """An acknowledged commit survives a power cut."""
    server.start()
    names = ("fsync", "synchronous_commit", "full_page_writes")
    assert [_do(server, f"SHOW {name}") for name in names] == [[("on",)]] * 3


def test_stopping_cuts_clients_and_keeps_commits(server, home):
    """A client in the middle of a transaction does not keep the server from stopping."""
    server.start()
    with psycopg.connect(server.url) as client:
        client.execute("CREATE TABLE half (x int)")
        server.stop()
        assert not server.alive()
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")


def test_it_is_reached_through_its_socket_only(server, network_sockets):
    """The socket's folder admits only its owner, the server asks for a password, and no network port is open."""
    server.start()
    folder = Path(conninfo_to_dict(server.url)["host"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    assert network_sockets(server._process.pid) == set()
    with socket.create_server(("127.0.0.1", 0)) as ours:
        # The check does find a network socket where there is one.
        assert f"socket:[{os.fstat(ours.fileno()).st_ino}]" in network_sockets(os.getpid())
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url, password="wrong")


def test_a_killed_server_is_not_alive(server, eventually):
    """`alive()` reports that the server died, and the server can be started again."""
    server.start()
    _do(server, "CREATE TABLE kept (x int)")
    os.kill(server._process.pid, signal.SIGKILL)
    eventually(lambda: not server.alive())
    server.start()
    assert _do(server, "SELECT x FROM kept") == []


# --- no orphans, whoever runs it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_nothing_survives_a_killed_parent(launch, eventually, status_of, mode):
    """After `kill -9` of the platform both servers end by themselves, and the next start finds all commits."""
    first = launch(mode)
    assert first.said["mode"] == mode
    assert len(first.family) > 4
    first.kill()
    eventually(lambda: not any(status_of(pid) for pid in first.family))
    second = launch(mode)
    assert second.said["starts"] == 2
    second.end()
    assert not any(status_of(pid) for pid in second.family)


@pytest.mark.parametrize("mode", MODES)
def test_an_interrupted_first_start_is_made_good(launch, eventually, home, mode):
    """After `kill -9` while the database is being created, the next start is a first start again."""
    first = launch(mode, ready=False)
    eventually(lambda: list(home.rglob("PG_VERSION")))
    first.kill()
    assert launch(mode).said["starts"] == 1


@pytest.mark.parametrize("mode", MODES)
def test_it_never_runs_as_root(launch, status_of, home, mode):
    """PostgreSQL refuses to run as root.

    The launcher finds another way, and the files belong to the account that runs it.
    """
    launched = launch(mode)
    expected = os.geteuid() if mode == "namespace" or os.geteuid() else pwd.getpwnam("nobody").pw_uid
    assert status_of(launched.said["postgres"])["Uid"] == str(expected)
    assert (home / "postgres").stat().st_uid == expected


def test_an_account_that_cannot_reach_the_folder_is_told(home, launch):
    """When root cannot create namespaces and HOME is closed to other accounts, the message says what to open."""
    if os.geteuid() != 0:
        pytest.skip("only root starts it under another account")
    code = """
import sys
from pathlib import Path
from adapters.vault.keys import MasterKey
from aristobot.servers import process
from aristobot.servers.postgres import Postgres
process._namespaces_work = lambda: False
try:
    Postgres(Path(sys.argv[1]), MasterKey("secret")).start()
except process.ServerError as error:
    print(error)
"""
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    root = Path(aristobot.__file__).parents[1]
    said = subprocess.run([sys.executable, "-c", code, closed], cwd=root, capture_output=True, text=True, check=True)
    assert "`nobody` cannot reach ARISTOBOT_HOME" in said.stdout


# --- what may be found in the folder -------------------------------------------------------------------------------


def _stale(server, pid):
    """Leave the pid file of a killed server, as if that server had been ready under this pid."""
    server.start()
    ready = (server.data / "postmaster.pid").read_text().splitlines()
    _do(server, "CREATE TABLE kept (x int)")
    server.stop()
    (server.data / "postmaster.pid").write_text("\n".join([str(pid), *ready[1:]]) + "\n")


def test_a_stale_pid_file_is_not_readiness(server):
    """The file says `ready` but means an older server: only the word of our own child process counts."""
    with subprocess.Popen(["/bin/true"]) as ended:
        ended.wait()
    _stale(server, ended.pid)
    server.start()
    assert _do(server, "SELECT x FROM kept") == []


def test_a_stale_pid_may_be_somebody_elses_by_now(server):
    """After a crash of the machine or container another program may soon have the old pid.

    It does not count as a server.
    """
    with subprocess.Popen(["/bin/sleep", "600"]) as stranger:
        try:
            _stale(server, stranger.pid)
            server.start()
            assert _do(server, "SELECT x FROM kept") == []
        finally:
            stranger.kill()


def test_two_servers_on_one_folder_are_refused(server, home):
    """The second server names the reason, and the first one goes on."""
    server.start()
    with pytest.raises(ServerError, match=r"postmaster\.pid"):
        Postgres(home, MasterKey("secret")).start()
    assert _do(server, "SELECT 1") == [(1,)]


def test_a_server_that_ends_says_why(server):
    """The message includes the last lines of the server's log."""
    server.start()
    server.stop()
    with (server.data / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    with pytest.raises(ServerError, match="no_such_setting"):
        server.start()


def test_files_that_are_not_ours_are_never_deleted(server):
    """A folder that lost its version file is refused unchanged, as its data may still be rescued."""
    server.data.mkdir(mode=0o700)
    (server.data / "precious").write_text("commits")
    with pytest.raises(ServerError):
        server.start()
    assert (server.data / "precious").read_text() == "commits"


def test_an_unknown_version_is_refused(server):
    """The folder of a PostgreSQL version that is not installed is left alone."""
    server.data.mkdir(mode=0o700)
    (server.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(ServerError, match="no PostgreSQL 12"):
        server.start()


def test_where_no_wheel_fits(server, monkeypatch):
    """Without a wheel for the machine, the message names the setting that helps."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ServerError, match="ARISTOBOT_DATABASE_URL"):
        server.start()


# --- finding it ----------------------------------------------------------------------------------------------------


def test_a_long_home_has_a_short_socket(deep_home):
    """The path of a socket must be short. Every process finds the same folder, which only its owner can enter."""
    server = Postgres(deep_home, MasterKey("secret"))
    server.start()
    try:
        assert stat.S_IMODE(Path(conninfo_to_dict(server.url)["host"]).stat().st_mode) == 0o700
        code = """
import sys
from pathlib import Path
import psycopg
from adapters.vault.keys import MasterKey
from aristobot.servers.postgres import Postgres
print(psycopg.connect(Postgres(Path(sys.argv[1]), MasterKey("secret")).url).execute("SELECT 'found'").fetchone()[0])
"""
        root = Path(aristobot.__file__).parents[1]
        found = subprocess.run(
            [sys.executable, "-c", code, deep_home], cwd=root, capture_output=True, text=True, check=False
        )
        assert found.stdout.strip() == "found", found.stderr[-300:]
    finally:
        server.stop()


def test_a_socket_folder_of_somebody_else_is_refused(deep_home):
    """For a long HOME the folder lies where any account can create one. A folder of another account is not used."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder for somebody else")
    server = Postgres(deep_home, MasterKey("secret"))
    folder = Path(conninfo_to_dict(server.url)["host"])
    folder.mkdir(mode=0o777)
    os.chown(folder, 12345, 12345)
    try:
        with pytest.raises(ServerError, match=folder.name):
            server.start()
    finally:
        server.stop()


def test_a_new_secret_opens_the_same_folder(server, home):
    """After a rotation of the master key, the database opens with the old key after a comma, and later without it."""
    server.start()
    _do(server, "CREATE TABLE kept (x int)")
    server.stop()
    for secret in ("newer,secret", "newer"):
        rotated = Postgres(home, MasterKey(secret))
        try:
            rotated.start()
            assert _do(rotated, "SELECT x FROM kept") == []
        finally:
            rotated.stop()
