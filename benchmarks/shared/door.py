"""The webhook door alone: its servers, the receiver as a process of its own, and one user's address."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.database.migrate import migrate, url_for
from adapters.vault.keys import MasterKey
from application.people.users import register
from aristobot.servers.postgres import Postgres
from aristobot.servers.valkey import Valkey
from aristobot.settings import Settings
from aristobot.wiring import House

SECRET = "the secret of the benchmark"


@dataclass(frozen=True)
class OpenDoor:
    """A running receiver: its address without and with a good token, its HOME, and the database as its owner."""

    address: str
    url: str
    home: Path
    database: str


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def open_door() -> Iterator[OpenDoor]:
    """Start servers and a receiver, and end them afterwards."""
    os.environ["ARISTOBOT_SECRET_KEY"] = SECRET
    home, master, port = Path(tempfile.mkdtemp(prefix="ab-")), MasterKey(SECRET), free_port()
    home.chmod(0o755)
    with ExitStack() as opened:
        opened.callback(shutil.rmtree, home, ignore_errors=True)
        servers = [Postgres(home, master), Valkey(home)]
        for server in servers:
            server.start()
            opened.callback(server.stop)
        postgres, valkey = servers[0].url, servers[1].url
        migrate(postgres, master)
        token = _token(home, postgres, valkey, master)
        environment = {"ARISTOBOT_HOME": str(home), "ARISTOBOT_WEBHOOK_PORT": str(port)}
        environment |= {"ARISTOBOT_DATABASE_URL": postgres, "ARISTOBOT_REDIS_URL": valkey}
        receiver = subprocess.Popen(
            [sys.executable, "-m", "aristobot", "terminal", "receiver"], env=os.environ | environment
        )
        opened.callback(receiver.wait, 20)
        opened.callback(receiver.terminate)
        address = f"http://127.0.0.1:{port}/webhook/receive"
        yield OpenDoor(address, f"{address}?token={token}", home, postgres)


def _token(home: Path, url: str, redis_url: str, master: MasterKey) -> str:
    """Register a user and return a webhook token."""
    given = {"database_url": url_for(url, "aristobot_web", master), "redis_url": redis_url, "home": home}
    house = House(Settings(**{**Settings.read().__dict__, **given}))
    with house.pool:
        user = register(house.store, house.vault, "somebody", "a long password of nobody 42")
        return house.tokens.rotate(user.number)


def alert(number: int) -> bytes:
    """Return one of many alerts that differ only in their number."""
    return (
        '{"Symbol":"BTCUSDT","Exchange":"BINANCE","Currency":"USDT","BaseCurrency":"BTC","Interval":"5",'
        f'"BarTime":"2026-03-02T09:30:00Z","Action":"BuyMarket","Prix":NaN,"PrixSL":NaN,"PrixTP":NaN,"PourCent":5,'
        f'"UserID":1,"IndicateurName":"number {number}","UserExchangeID":1}}'
    ).encode()
