"""A backup holds the whole database as of one moment; a restored copy is identical and is verified."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from adapters.candles.blocks import MINUTES
from adapters.candles.coverage import Coverage
from adapters.candles.store import CandleStore
from adapters.database.backup import BackupFailed, back_up, newest
from adapters.database.migrate import OWNER, url_for, verify_books
from adapters.log import audit
from adapters.log.eventstore import Store, open_pool
from adapters.tables.refusals import count_refusals
from adapters.vault.channels import ChannelTable
from adapters.vault.keys import FORGOTTEN
from adapters.vault.tokens import TokenTable
from adapters.vault.tombstones import Tombstones
from adapters.vault.vault import Vault
from application.people import users
from application.people.brokers import connect_broker
from application.people.users import register
from application.ports.statements import Credentials
from application.webhooks.reception import receive
from aristobot.commands.backups import programs, restore_into
from aristobot.commands.candles import verify
from domain.candles.bar import Bar, Proof
from domain.candles.series import Series
from domain.people.broker import Exchange, Venue
from domain.people.registry import REGISTRY_ID, Registry
from domain.people.user import User
from domain.platform import PLATFORM_ID, Platform
from projections.books.projector import Books
from projections.models import MODELS

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def full(database: Any) -> Iterator[Any]:
    """Yield a database with two users, their brokers, keys, orders and fills, its books at the head of the log."""
    with open_pool(database.url) as pool:
        store, vault = Store(pool, database.master), Vault(pool, database.master)
        for name in ("alice", "bob"):
            user = register(store, vault, name, "correct horse battery").number
            keys = Credentials(f"key of {name}", f"secret of {name}")
            connect_broker(store, vault, user, Exchange.BINANCE, Venue.PAPER, name, keys)
            TokenTable(pool, database.master).rotate(user)
            database.filled(store, user=user, broker=user)
        books = Books(database.connect("aristobot_projector"))
        while books.step(store.read, 500)[0]:
            pass
        yield database


@pytest.fixture
def empty(postgres: Any, database: Any) -> Iterator[str]:
    """Yield the owner's URL of an empty database on the same server."""
    with psycopg.connect(postgres._superuser_url("postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE restored OWNER {}").format(Identifier(OWNER)))
        yield make_conninfo(database.url, dbname="restored")
        connection.execute("DROP DATABASE restored WITH (FORCE)")


def _backed_up(database: Any, folder: Path, now: datetime = NOW, **given: Any) -> Path:
    return folder / back_up(database.url, programs(database.url), folder, now, **given).file


def _contents(url: str) -> dict[str, Any]:
    with psycopg.connect(url) as connection:
        tables = [("books", model.name) for model in MODELS] + [
            ("log", "events"),
            ("log", "followers"),
            ("books", "position"),
        ]
        query = SQL("SELECT row::text FROM {} AS row ORDER BY 1")
        return {f"{s}.{t}": connection.execute(query.format(Identifier(s, t))).fetchall() for s, t in tables}


def test_a_restored_backup_is_the_same_to_the_last_row(full: Any, empty: str, tmp_path: Path) -> None:
    """Every read model, the log and its followers are restored.

    The restore itself is then recorded, and the hash chain continues.
    """
    # When it is restored into an empty database
    file, before, said = _backed_up(full, tmp_path), _contents(full.url), []
    restore_into(empty, full.master, file, None, said.append)
    # Then only the event of the restore was added
    after = _contents(empty)
    events = after.pop("log.events")
    assert set(before.pop("log.events")) < set(events)
    assert after == before
    assert "events follow from one another" in said[0]
    # Then the log, the vault and the guard work as before
    with psycopg.connect(empty, autocommit=True) as owner, open_pool(empty) as pool:
        assert verify_books(owner, empty, full.master).differences == []
        store, vault = Store(pool, full.master), Vault(pool, full.master)
        assert store.get(Platform, PLATFORM_ID).restored_from == [file.name]
        assert vault.password_matches(1, "correct horse battery")
        assert vault.credentials(2).secret == "secret of bob"
        assert owner.execute("SELECT count(*) FROM log.events").fetchone() == (len(events),)
        with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
            owner.execute("DELETE FROM log.events")


def test_a_backup_opens_nothing(full: Any, tmp_path: Path) -> None:
    """Whoever has the dump and not the secret key reads no name, address, body or token in it."""
    words = ("bob", "Quinquagesima", "192.0.2.77", "Nabuchodonosor", "csrf of bob", "Wolkenkuckuck")
    with open_pool(full.url) as pool:
        store = Store(pool, full.master)
        receive(store, 2, b'{"Action":"PING","UserID":2,"IndicateurName":"Quinquagesima"}', "192.0.2.77", NOW)
        channels = ChannelTable(pool, full.master, private=True)
        users.add_channel(store, channels, 2, "Wolkenkuckuck", "json://127.0.0.1/Wolkenkuckuck")
        count_refusals(pool, "webhook", {("wrong_token", "192.0.2.77"): 1})
        with pool.connection() as connection:
            connection.execute(
                "INSERT INTO service.sessions (token_hash, user_id, csrf, address, agent)"
                " VALUES ('x', 2, 'csrf of bob', '192.0.2.77', 'Nabuchodonosor')"
            )
    dump = _backed_up(full, tmp_path)
    read = subprocess.run([programs(full.url) / "pg_restore", "-f", "-", dump], capture_output=True, check=True)
    assert b"COPY log.events" in read.stdout
    assert [word for word in words if word.encode() in read.stdout] == []


def test_the_terminals_roles_work_on_a_restored_database(full: Any, empty: str, tmp_path: Path) -> None:
    """The same permissions hold as before: the web sees one user's rows and cannot read the keys."""
    restore_into(empty, full.master, _backed_up(full, tmp_path), None, lambda _: None)
    with psycopg.connect(url_for(empty, "aristobot_web", full.master), autocommit=True) as web:
        web.execute("SELECT set_config('aristobot.user', '2', false)")
        assert web.execute("SELECT DISTINCT user_id FROM books.trades").fetchall() == [(2,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute("SELECT sealed FROM vault.credentials")


def test_whoever_was_forgotten_after_the_backup_stays_forgotten(full: Any, empty: str, tmp_path: Path) -> None:
    """The dump still holds the person's key.

    A tombstone in any of the backup folders overrides it, and the books drop the person's rows.
    """
    file, home = _backed_up(full, tmp_path / "elsewhere"), tmp_path / "home"
    Tombstones(home).add(2)
    restore_into(empty, full.master, file, None, lambda _: None, home)
    with open_pool(empty) as pool:
        store = Store(pool, full.master)
        assert store.get(User, User.create_id(2)).name == FORGOTTEN
        assert store.get(User, User.create_id(1)).name == "alice"
        assert store.get(Registry, REGISTRY_ID).user_named("bob") is None
        assert not Vault(pool, full.master).password_matches(2, "correct horse battery")
        with pool.connection() as connection:
            assert connection.execute("SELECT key FROM vault.person_keys WHERE person = 2").fetchone() == (None,)


def test_a_changed_file_a_wrong_head_and_a_full_database_are_refused(full: Any, empty: str, tmp_path: Path) -> None:
    """Each restore is refused with a message of its own. A database that is not empty is never touched."""
    file = _backed_up(full, tmp_path)
    with pytest.raises(BackupFailed, match="not empty"):
        restore_into(full.url, full.master, file, None, lambda _: None)
    changed = tmp_path / "aristobot-20260303T093000Z.dump"
    changed.write_bytes(file.read_bytes()[:-1] + b"x")
    changed.with_suffix(".json").write_text(file.with_suffix(".json").read_text())
    with pytest.raises(BackupFailed, match="not the file"):
        restore_into(empty, full.master, changed, None, lambda _: None)
    with pytest.raises(BackupFailed, match="published head"):
        restore_into(empty, full.master, file, audit.PublishedHead("00" * 32), lambda _: None)
    # A refused restore leaves nothing behind: the next attempt finds the database empty.
    restore_into(empty, full.master, file, None, lambda _: None)
    file.with_suffix(".json").write_text("{}")
    with pytest.raises(BackupFailed, match="no note"):
        restore_into(empty, full.master, file, None, lambda _: None)


def test_a_tail_that_was_cut_off_before_the_backup_is_found_by_the_published_head(
    full: Any, empty: str, tmp_path: Path
) -> None:
    """The dump is consistent in itself; only the head published outside reveals the cut."""
    note = json.loads(_backed_up(full, tmp_path).with_suffix(".json").read_text())
    told = audit.PublishedHead(note["head"], note["events"])
    full.tampering().execute("DELETE FROM log.events WHERE position = (SELECT max(position) FROM log.events)")
    shorter = _backed_up(full, tmp_path, NOW + timedelta(hours=1))
    with pytest.raises(BackupFailed, match="cut off"):
        restore_into(empty, full.master, shorter, told, lambda _: None)


def test_thirty_days_are_kept_in_both_places(full: Any, tmp_path: Path) -> None:
    """Backups older than thirty days are deleted in both places; the newest is kept, however old it is."""
    here, there = tmp_path / "here", tmp_path / "there"
    for days in (0, 1, 31, 80):
        _backed_up(full, here, NOW + timedelta(days=days), copy_to=there)
        now = NOW + timedelta(days=days)
        assert newest(here, now) == newest(there, now) == now
        kept = {day for day in (0, 1, 31, 80) if 0 <= days - day <= 30}
        for place in (here, there):
            assert {file.name for file in place.iterdir()} == {
                f"aristobot-{NOW + timedelta(days=day):%Y%m%dT%H%M%SZ}.{kind}"
                for day in kept
                for kind in ("dump", "json")
            }
            assert all(file.stat().st_mode & 0o077 == 0 for file in place.iterdir())


def test_a_backup_shows_no_secret_and_no_personal_text(full: Any, tmp_path: Path) -> None:
    """Without the secret key, the file reveals only amounts and ids."""
    file = _backed_up(full, tmp_path)
    plain = subprocess.run(
        [programs(full.url) / "pg_restore", "--file=-", file], capture_output=True, check=True
    ).stdout
    assert b"log.append" in plain
    for secret in (b"secret of bob", b"key of bob", b"correct horse", full.secret.encode()):
        assert secret not in plain


def test_blocks_of_candles_are_copied_once_and_come_back(full: Any, empty: str, tmp_path: Path) -> None:
    """A dump names them and holds none. One that is lost or was changed beside it is told, and stops no restore."""
    copies = tmp_path / "copies"
    with open_pool(full.url) as pool:
        store = CandleStore(pool, lambda: NOW)
        series, start = Series("binance", "paper", "BTC/USDT"), MINUTES.start(27_000)
        bars = [
            Bar(start + n * 60_000, 1, *[Decimal(n % 2000 + 1)] * 4, Decimal(1), 1, None, None, Proof.CONFIRMED)
            for n in range(3000)
        ]
        store.put(series, "1m", bars)
        first = _backed_up(full, tmp_path, copy_to=copies)
        files = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.block")}
        assert len(files) == 2 * 2  # the third block is the same as the first one's bytes, in both places
        store.put(series, "1m", [replace(bars[5], high=Decimal(9999))])
        second = _backed_up(full, tmp_path, NOW + timedelta(days=1), copy_to=copies)
    assert {file: file.stat().st_mtime_ns for file in files} == files
    assert len([*copies.rglob("*.block")]) == 3
    assert second.stat().st_size < first.stat().st_size + 30_000
    for number, file in enumerate((copies / "candles").rglob("*.block")):
        if number == 0:
            file.write_bytes(bytes(45_000))
    said: list[str] = []
    restore_into(empty, full.master, copies / second.name, None, said.append)
    assert "1 blocks of candles are not beside the backup: `candles verify` names them, load them again" in said
    with open_pool(empty) as pool:
        assert len([*Coverage(pool).wrong()]) >= 1


def test_restored_candles_are_the_same(full: Any, empty: str, tmp_path: Path) -> None:
    with open_pool(full.url) as pool:
        store, series = CandleStore(pool, lambda: NOW), Series("binance", "paper", "BTC/USDT")
        start = MINUTES.start(27_000)
        bars = [
            Bar(start + n * 60_000, 1, *[Decimal("64250.10")] * 4, Decimal(n), 1, None, None, Proof.CONFIRMED)
            for n in range(1500)
        ]
        store.put(series, "1m", bars)
        file = _backed_up(full, tmp_path)
        before = [*store.read(series, "1m", start, start + 10**9).bars(1)]
    restore_into(empty, full.master, file, None, lambda _: None)
    with open_pool(empty) as pool:
        assert [*CandleStore(pool, lambda: NOW).read(series, "1m", start, start + 10**9).bars(1)] == before
        assert verify(Coverage(pool), lambda _: None)
