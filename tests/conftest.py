"""Real servers for all tests: one embedded PostgreSQL and one Valkey per test process, a fresh database per test.

`database` is the fixture to use. It is migrated, empty and the test's own; what it opens is closed with the test.

Examples of Hypothesis have no deadline: a busy machine would break such a timing. `make test` tries the same examples
each time, so that the code that lands was tried on exactly these. `HYPOTHESIS_PROFILE=hunt` looks for new ones,
thousands of them.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
from argon2 import PasswordHasher
from hypothesis import settings
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from adapters.database.migrate import OWNER, migrate, url_for
from adapters.log.eventstore import Store, open_pool
from adapters.paper.past import Minutes, Past
from adapters.sandbox.sandbox import start_zygote
from adapters.vault import vault
from adapters.vault.keys import MasterKey
from aristobot.servers.postgres import DATABASE, Postgres
from aristobot.servers.valkey import Valkey
from domain.aggregate import Personal, carrying
from domain.orders.order import Order
from domain.orders.wish import Side, Source, Type, Wish

settings.register_profile("unhurried", deadline=None, derandomize=True)
settings.register_profile("hunt", deadline=None, max_examples=3000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unhurried"))

PLENTY = 4 * 2**30
HOUR = 3_600_000
TESTS = Path(__file__).parent
SLOWEST = ("faults", "story", "browser", "laws", "application")
PLATFORM = re.compile("/faults/(?!test_steps)|/story/test_(alerts|protection|secrets|signal)|/browser/")
"""The pattern of the test files that share one platform with the other files of their folder."""
SECRET = "the secret of the tests"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.1
_numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the tests that take minutes first, so that no worker is left with one when the others have finished."""
    folders = {item: item.path.relative_to(TESTS).parts[0] for item in items}
    items.sort(key=lambda item: SLOWEST.index(folders[item]) if folders[item] in SLOWEST else len(SLOWEST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Schedule whole files, and files that share a platform together, because starting a platform is slow."""
    from xdist.scheduler import LoadScopeScheduling

    class ByPlatform(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return str(Path(file).parent) if PLATFORM.search(file) else file

    return ByPlatform(config, log)


@pytest.fixture(scope="session")
def short_home() -> Iterator[Path]:
    """Provide a folder that all tests share."""
    with short_folder() as folder:
        yield folder


@contextmanager
def short_folder() -> Iterator[Path]:
    """Make a folder that is open to every system account. Its path is short, as a socket's path may not be long.

    The folder lies in memory if there is plenty: servers start and databases are created several times as fast there.
    """
    memory = Path("/dev/shm")
    plenty = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > PLENTY
    folder = Path(tempfile.mkdtemp(prefix="ab-", dir=memory if plenty else "/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Path]:
    """Start the sandbox, in whose locked workers code of strategies runs, and return its socket."""
    if not _can_lock():
        pytest.skip("this kernel has no Landlock or no filters of system calls: no strategy runs here")
    with short_folder() as folder, (folder / "out").open("wb") as out:
        process = start_zygote(folder / "socket", out)
        yield folder / "socket"
        process.kill()
        process.wait()


def _can_lock() -> bool:
    """Return whether this kernel and processor have what a worker locks itself with."""
    landlock_version = ctypes.CDLL(None).syscall(444, None, 0, 1)
    return platform.machine() == "x86_64" and landlock_version >= 1 and Path("/proc/sys/kernel/seccomp").is_dir()


@pytest.fixture(scope="session", autouse=True)
def passwords_that_cost_little() -> Iterator[None]:
    """Hash passwords in this process with fewer rounds, because the tests make hundreds of users."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vault, "PasswordHasher", partial(PasswordHasher, time_cost=1, memory_cost=64, parallelism=1))
        yield


@pytest.fixture(scope="session", autouse=True)
def a_past_that_is_calculated_once() -> Iterator[None]:
    """Remember what the paper exchange's past says: the tests open hundreds of exchanges in the same minutes."""
    minutes = Past.minutes

    @lru_cache(64)
    def remembered(seed: int, *asked: Any) -> Minutes:
        return minutes(Past(seed), *asked)

    def asked_for(past: Past, *asked: Any) -> Minutes:
        is_short = asked[-1] - asked[-2] <= HOUR
        return remembered(past._seed, *asked) if is_short else minutes(past, *asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Past, "minutes", asked_for)
        yield


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Return the backend that `async def` tests run in."""
    return "asyncio"


@pytest.fixture(scope="session")
def master() -> MasterKey:
    """Return the master key of the servers that all tests share."""
    return MasterKey(SECRET)


@pytest.fixture(scope="session")
def postgres(short_home: Path, master: MasterKey) -> Iterator[Postgres]:
    """Run one PostgreSQL whose own database is migrated and serves as the template of all others."""
    server = Postgres(short_home, master)
    server.start()
    migrate(server.url, master)
    yield server
    server.stop()


@pytest.fixture
def database(postgres: Postgres, master: MasterKey) -> Iterator[Database]:
    """Create a migrated, empty database for this test alone."""
    with psycopg.connect(postgres._superuser_url("postgres"), autocommit=True) as connection, ExitStack() as opened:
        name = Identifier(f"test_{next(_numbers)}")
        connection.execute(
            SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY").format(
                name, Identifier(DATABASE), Identifier(OWNER)
            )
        )
        opened.callback(connection.execute, SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        yield Database(postgres, name.as_string().strip('"'), master, opened)


@pytest.fixture(scope="session")
def valkey_server(short_home: Path) -> Iterator[Valkey]:
    """Run one Valkey."""
    server = Valkey(short_home)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(valkey_server: Valkey) -> Valkey:
    """Return an empty Valkey; clients reach it at `.url`."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """Return `eventually(condition)`, which waits until the condition holds and returns its value."""
    return _eventually


def _eventually(condition: Callable[[], Any], seconds: float = 120) -> Any:
    deadline, pause = time.monotonic() + seconds, SHORTEST_PAUSE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"it did not come true within {seconds} s"
        time.sleep(pause)  # a busy loop would take the processor from the work it waits for
        pause = min(1.5 * pause, LONGEST_PAUSE)
    return value


class Database:
    """One test's database: its address for each role, and orders to put into it."""

    def __init__(self, server: Postgres, name: str, master: MasterKey, opened: ExitStack) -> None:
        self.url = make_conninfo(**{**conninfo_to_dict(server.url), "dbname": name})
        self.superuser_url = server._superuser_url(name)
        self.master, self.secret = master, SECRET
        self._opened = opened

    def url_for(self, role: str) -> str:
        """Return the address for `aristobot_writer`, `aristobot_projector` or `aristobot_web`; `url` is the owner's."""
        return url_for(self.url, role, self.master)

    def connect(self, role: str = OWNER) -> psycopg.Connection[Any]:
        """Open a connection in autocommit mode."""
        return self._opened.enter_context(psycopg.connect(self.url_for(role), autocommit=True))

    def tampering(self) -> psycopg.Connection[Any]:
        """Connect as the superuser with all triggers off, as anyone who holds the disk can."""
        connection = self._opened.enter_context(psycopg.connect(self.superuser_url, autocommit=True))
        connection.execute("SET session_replication_role = replica")
        return connection

    def store(self, role: str = "aristobot_writer", size: int = 2) -> Store:
        """Open a separate store, as another process would."""
        return Store(self._opened.enter_context(open_pool(self.url_for(role), size)), self.master)

    def order(self, user: int = 1, broker: int = 1, *, order_id: UUID | None = None, **wish: Any) -> Order:
        """Place an order without saving it: a market order for 1 BTC unless `wish` says otherwise."""
        order_id = order_id or uuid4()
        wanted = {"symbol": "BTC/USDT", "side": Side.BUY, "type": Type.MARKET, **wish}
        if not wanted.keys() & {"quantity", "cost", "percent"}:
            wanted["quantity"] = Decimal(1)
        with carrying(user=str(user)):
            return Order.place(
                order_id=order_id,
                user=user,
                broker=broker,
                wish=Wish(**wanted),
                source=Source.MANUAL,
                requester="somebody",
                client_order_id=f"ARISTO_{order_id.hex[:20]}",
            )

    def placed(self, store: Store, user: int = 1, broker: int = 1, **wish: Any) -> Order:
        """Save and return an order that waits to be sent."""
        order = self.order(user, broker, **wish)
        store.save(order)
        return order

    @staticmethod
    def submit(order: Order) -> None:
        """Record the intent to send, as the gateway does; save nothing."""
        cost = order.wish.cost
        quantity = None if cost is not None else order.wish.quantity or Decimal(1)
        valid_until = NOW + timedelta(seconds=5)
        order.submit(uuid4(), now=NOW, valid_until=valid_until, quantity=quantity, cost=cost, price=order.wish.price)

    @staticmethod
    def fill(order: Order, quantity: Decimal, trade: str = "t1") -> None:
        """Record one execution at 64250.1, as the exchange would report it; save nothing."""
        raw = Personal(f'{{"tradeId":"{trade}"}}')
        order.fill(trade, quantity, Decimal("64250.1"), Decimal("0.5"), "USDT", NOW, None, raw)

    def submitted(self, store: Store, user: int = 1, broker: int = 1, **wish: Any) -> Order:
        """Save and return an order with a recorded intent, as it is just before sending."""
        order = self.order(user, broker, **wish)
        with carrying(user=str(user)):
            self.submit(order)
            store.save(order)
        return order

    def filled(self, store: Store, user: int = 1, broker: int = 1, **wish: Any) -> Order:
        """Save and return an order that the exchange has executed in one fill at 64250.1."""
        order = self.submitted(store, user, broker, **wish)
        with carrying(user=str(user)):
            order.accept(f"X{order.id.hex[:8]}", Personal('{"status":"NEW"}'))
            self.fill(order, order.quantity or Decimal(1))
            store.save(order)
        return order
