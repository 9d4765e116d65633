"""The first start on embedded servers: a user `demo` who is the admin, with a paper account and a webhook address."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from adapters.vault.tokens import TokenTable
from application.people.brokers import brokers_of, connect_broker
from application.people.users import register, registry_of
from application.ports.statements import Credentials
from aristobot.wiring import House
from domain.people.broker import Exchange, Venue
from domain.people.user import COMMAND_LINE

RUN = "run.json"
"""The file in HOME that tells where everything is."""
USER = "demo"
CHANGED = "(changed since)"
BALANCES = {"USDT": "10000", "USDC": "5000", "BTC": "0.05"}


def prepare(house: House, paper: str) -> dict[str, Any]:
    """Create what is missing and return where everything is; this is also kept in HOME, readable by its owner only."""
    settings = house.settings
    file = settings.home / RUN
    known: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    password = known.get("password") or secrets.token_urlsafe(12)
    registry = registry_of(house.store)
    number = registry.user_named(USER)
    if number is None and not registry.users:
        number = register(house.store, house.vault, USER, password).number
    if number is not None and not house.vault.password_matches(number, password):
        password = CHANGED
    keys = _paper_keys(house, paper)
    if number is not None and not brokers_of(house.store, number):
        credentials = Credentials(keys["key"], keys["secret"])
        connect_broker(house.store, house.vault, number, Exchange.BINANCE, Venue.PAPER, "Binance paper", credentials)
    token = (house.tokens.of(number) or house.tokens.rotate(number)) if number is not None else ""
    told = {
        "console": f"http://127.0.0.1:{settings.web_port}",
        "user": USER,
        "password": password,
        "webhook_url": f"http://127.0.0.1:{settings.webhook_port}/webhook/receive?token={token}",
        "paper": paper,
        "paper_binance": f"http://127.0.0.1:{settings.paper_port + 1}",
        "paper_bitget": f"http://127.0.0.1:{settings.paper_port + 2}",
        "broker": brokers_of(house.store, number)[0].number if number is not None else None,
        "user_number": number,
    }
    _write(file, told)
    return told


class ToldTokens:
    """The webhook tokens of a running platform: a new one of the demo user stands in `run.json` at once."""

    def __init__(self, tokens: TokenTable, home: Path) -> None:
        self._tokens = tokens
        self._file = home / RUN

    def of(self, user: int) -> str | None:
        """Return a user's token, or None. It is for its owner only."""
        return self._tokens.of(user)

    def rotate(self, user: int) -> str:
        """Replace a user's token and return the new one."""
        token = self._tokens.rotate(user)
        told = json.loads(self._file.read_text()) if self._file.exists() else {}
        if told.get("user_number") == user:
            _write(self._file, {**told, "webhook_url": f"{told['webhook_url'].partition('?')[0]}?token={token}"})
        return token


def introduce(house: House, paper: str) -> dict[str, Any]:
    """Return where everything is, with a code for the first account while there is none.

    This is for a database of the operator's own, in which no user is created.
    """
    settings = house.settings
    told = {"console": f"http://127.0.0.1:{settings.web_port}", "paper": paper}
    _write(settings.home / RUN, told)
    return told if registry_of(house.store).users else {**told, "code": house.invitations.make(COMMAND_LINE)}


def _paper_keys(house: House, paper: str) -> dict[str, str]:
    """Return the demo account's keys, made once. The paper exchange is told of the account again at every start."""
    file = house.settings.home / "paper_account.json"
    body = {"exchange": "binance", "balances": BALANCES, **(json.loads(file.read_text()) if file.exists() else {})}
    asked = Request(f"{paper}/paper/accounts", json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urlopen(asked, timeout=10) as answer:  # noqa: S310 - our own paper exchange on loopback
        keys: dict[str, str] = json.loads(answer.read())
    _write(file, {"key": keys["key"], "secret": keys["secret"]})
    return keys


def _write(file: Path, content: dict[str, Any]) -> None:
    temporary = file.with_suffix(".part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        json.dump(content, opened, indent=2)
    temporary.rename(file)


def curl(told: dict[str, Any]) -> str:
    """Return a command that sends a BuyMarket alert as TradingView does. Its BarTime is the time at which it is run.

    It names no interval, so that no further alert is expected after it.
    """
    alert = (
        '{"Symbol":"BTCUSDT","Exchange":"BINANCE","Currency":"USDT","BaseCurrency":"BTC",'
        '"BarTime":"\'$(date -u +%FT%TZ)\'","Action":"BuyMarket","Prix":NaN,"PrixSL":NaN,"PrixTP":NaN,"PourCent":5,'
        f'"UserID":{told["user_number"]},"IndicateurName":"Demo","UserExchangeID":{told["broker"]}}}'
    )
    return f"curl -sS '{told['webhook_url']}' -H 'Content-Type: application/json' -d '{alert}'"
