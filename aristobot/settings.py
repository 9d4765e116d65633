"""Settings from the environment; every name is listed in `.env.example`."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aristobot.servers.process import socket_folder
from domain.candles.series import PAIR

MOST_SYMBOLS = 100
"""The most pairs that the heartbeat follows."""

LONGEST_SOCKET_FOLDER = 80
"""Bytes of a path: the kernel takes 108, with the name of the socket."""
OTHERS = 0o077
"""The rights of everybody but the owner, which no file of ours has."""


class SettingError(Exception):
    """A setting that this command needs is missing or invalid."""


@dataclass(frozen=True)
class Settings:
    """The settings of one process. Printed, they show no secret: URLs may hold passwords."""

    home: Path
    database_url: str | None = field(repr=False)
    database_direct_url: str | None = field(repr=False)
    redis_url: str | None = field(repr=False)
    host: str
    web_port: int
    webhook_port: int
    paper_port: int
    door_url: str | None
    """The address at which TradingView reaches the webhook door, without its path."""
    paper_urls: Mapping[str, str]
    """The addresses of paper exchanges that do not run on this machine, by exchange."""
    names: tuple[str, ...]
    """The names under which browsers reach the console, besides addresses and `localhost`."""
    proxies: tuple[str, ...]
    """The addresses or networks of proxies that tell the addresses of those for whom they ask."""
    live: bool
    debug: bool
    private_channels: bool
    """True when alert channels may lead to loopback and private addresses."""
    backup_copy: Path | None
    clock: str
    """The series whose bars are the platform's clock: `EXCHANGE/VENUE/BASE/QUOTE`."""
    symbols: tuple[str, ...]
    """The pairs that the heartbeat follows at the clock's exchange and venue."""
    doubt_seconds: int
    """Seconds for which an order may be in doubt before a critical alert is raised."""
    sandbox: Path
    """The socket at which the sandbox listens."""
    own_sandbox: bool
    """True when `run` starts the sandbox; otherwise it runs elsewhere, with a socket that is shared."""
    source: str = "primary"
    """The site of a heartbeat: `primary`, or `secondary` for one that stands by. Given with the command."""

    @classmethod
    def read(cls) -> Settings:
        """Read the settings from the environment. Raises `SettingError` when a port or a number is invalid."""
        given = os.environ.get
        database = given("ARISTOBOT_DATABASE_URL") or None
        home = Path(given("ARISTOBOT_HOME") or "~/.aristobot").expanduser().resolve()
        own = socket_folder(home / "sandbox", LONGEST_SOCKET_FOLDER) / "socket"
        return cls(
            home=home,
            database_url=database,
            database_direct_url=given("ARISTOBOT_DATABASE_DIRECT_URL") or database,
            redis_url=given("ARISTOBOT_REDIS_URL") or None,
            host=given("ARISTOBOT_HOST") or "127.0.0.1",
            web_port=_port("ARISTOBOT_WEB_PORT", 8000),
            webhook_port=_port("ARISTOBOT_WEBHOOK_PORT", 8888),
            paper_port=_port("ARISTOBOT_PAPER_PORT", 9100),
            door_url=_address("ARISTOBOT_DOOR_URL"),
            paper_urls={name: url for name in ("binance", "bitget") if (url := given(f"ARISTOBOT_{name.upper()}_URL"))},
            names=_list(given("ARISTOBOT_NAMES") or ""),
            proxies=_proxies(given("ARISTOBOT_PROXIES") or ""),
            live=_switch("ARISTOBOT_LIVE"),
            debug=_switch("DEBUG_ARISTOBOT"),
            private_channels=_switch("ARISTOBOT_PRIVATE_CHANNELS"),
            clock=given("ARISTOBOT_CLOCK") or "binance/paper/BTC/USDT",
            symbols=_symbols(given("ARISTOBOT_SYMBOLS") or "BTC/USDT,ETH/USDT,BNB/USDT,SOL/USDT,XRP/USDT"),
            doubt_seconds=_whole("ARISTOBOT_DOUBT_SECONDS", 180),
            sandbox=Path(given("ARISTOBOT_SANDBOX") or own),
            own_sandbox=not given("ARISTOBOT_SANDBOX"),
            backup_copy=Path(copy).expanduser().resolve() if (copy := given("ARISTOBOT_BACKUP_COPY")) else None,
        )

    @property
    def backups(self) -> Path:
        """The folder of the backups and of the tombstones: the list of users who must stay forgotten."""
        return self.home / "backups"

    @property
    def backup_places(self) -> list[Path]:
        """The folder of the backups, and the second one if `ARISTOBOT_BACKUP_COPY` is set."""
        return [self.backups, *([self.backup_copy] if self.backup_copy else [])]

    @property
    def webhook_url(self) -> str:
        """The address for alerts, without a token."""
        return f"{self.door_url or f'http://{self.host}:{self.webhook_port}'}/webhook/receive"

    def make_home(self) -> None:
        """Create HOME, which only its owner may enter, if missing. Raises `SettingError` when it cannot be used."""
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingError(f"ARISTOBOT_HOME {self.home} cannot be used: {error.strerror}") from None

    def close_home(self) -> None:
        """Take the rights of others away from files that an earlier version wrote open to them."""
        for pattern in ("*.json", "lock", "logs/*", "paper/*", "spool/*"):
            for file in self.home.glob(pattern):
                if file.is_file() and (mode := file.stat().st_mode) & OTHERS:
                    file.chmod(mode & ~OTHERS)

    def need_database(self) -> str:
        """Return the URL of this terminal's database. Raises `SettingError` when it is not set."""
        if self.database_url is None:
            raise SettingError("ARISTOBOT_DATABASE_URL is not set, and no `aristobot run` is running on this HOME")
        return self.database_url

    def need_redis(self) -> str:
        """Return the URL of the bus. Raises `SettingError` when it is not set."""
        if self.redis_url is None:
            raise SettingError("ARISTOBOT_REDIS_URL is not set, and no `aristobot run` is running on this HOME")
        return self.redis_url

    def secret_key(self) -> str:
        """Return `ARISTOBOT_SECRET_KEY`, or else a key generated once and kept in HOME, readable only by its owner."""
        if given := os.environ.get("ARISTOBOT_SECRET_KEY"):
            return given
        file = self.home / "secret_key"
        self.make_home()
        if not file.exists():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as opened:
                opened.write(secrets.token_urlsafe(48))
        return file.read_text().strip()


def _switch(name: str) -> bool:
    return (os.environ.get(name) or "").lower() in {"true", "1", "yes"}


def _address(name: str) -> str | None:
    """Return the address of a server without a path. Raises `SettingError` for anything else."""
    said = (os.environ.get(name) or "").rstrip("/")
    if said and not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+", said):
        raise SettingError(f"{name} was {said!r}, not an address such as https://hooks.example.com")
    return said or None


def _proxies(said: str) -> tuple[str, ...]:
    found = _list(said)
    for one in found:
        try:
            ipaddress.ip_network(one)
        except ValueError:
            raise SettingError(f"ARISTOBOT_PROXIES lists addresses or networks, not {one[:80]!r}") from None
    return found


def _list(said: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in said.split(",") if one.strip())


def _symbols(said: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(one.upper() for one in _list(said)))
    wrong = [one for one in found if not re.fullmatch(PAIR, one)]
    if wrong or len(found) > MOST_SYMBOLS:
        raise SettingError(f"ARISTOBOT_SYMBOLS lists up to {MOST_SYMBOLS} pairs such as BTC/USDT, not {said[:80]!r}")
    return found


def _whole(name: str, default: int) -> int:
    said = os.environ.get(name) or str(default)
    if not said.isascii() or not said.isdigit():
        raise SettingError(f"{name} was {said!r}, not a whole number")
    return int(said)


def _port(name: str, default: int) -> int:
    said = os.environ.get(name) or str(default)
    if not said.isascii() or not said.isdigit() or not 0 < int(said) < 65536:  # noqa: PLR2004 - TCP
        raise SettingError(f"{name} was {said!r}, not a port")
    return int(said)
