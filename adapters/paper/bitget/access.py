"""The door of the paper Bitget: keys, pass phrases, timestamps and signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from adapters.paper.bitget import NAME
from adapters.paper.bitget.errors import Error
from adapters.paper.bitget.values import is_number
from adapters.paper.exchange import Paper
from adapters.paper.orders import Account

WINDOW = 30_000
"""Milliseconds by which a timestamp may differ from the exchange's clock."""
LONGEST_WINDOW = 60_000
_SECONDS = 10**11
"""The timestamps below are seconds: Bitget takes both units at the login of a socket."""


class Access:
    """The accounts of the paper Bitget by their keys."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper

    def account_of(self, headers: Mapping[str, str], method: str, path: str, body: str) -> Account:
        """Return the account that signed a request. `path` is as it was sent, with its query. Raises `Error`.

        No key here is one of demo trading.
        """
        for name, code in (("ACCESS-KEY", "40001"), ("ACCESS-SIGN", "40003"), ("ACCESS-TIMESTAMP", "40002")):
            if not headers.get(name):
                raise Error(code, f"Request header {name} cannot be empty")
        if not headers.get("ACCESS-PASSPHRASE"):
            raise Error("40011", "Request header ACCESS-PASSPHRASE cannot be empty")
        timestamp = headers["ACCESS-TIMESTAMP"]
        if not is_number(timestamp):
            raise Error("40005", "Invalid ACCESS_TIMESTAMP")
        if abs(int(timestamp) - self._paper.now()) > WINDOW:
            raise Error("40008", "Request timestamp expired")
        account = self._known(headers["ACCESS-KEY"], Error("40006", "Invalid ACCESS_KEY"))
        if headers["ACCESS-SIGN"] != signature(account.secret, timestamp + method + path + body):
            raise Error("40009", "sign signature error")
        if headers["ACCESS-PASSPHRASE"] != account.passphrase:
            raise Error("40012", "apikey/password is incorrect")
        if headers.get("paptrading"):
            raise Error("40099", "exchange environment is incorrect")
        if account.unified:
            raise Error("40085", "You are in Unified Account mode, and the Classic Account API is not supported")
        return account

    def logged_in(self, said: Mapping[str, object]) -> Account:
        """Return the account of a socket's login, whose timestamp is in seconds or milliseconds. Raises `Error`."""
        key, timestamp = str(said.get("apiKey", "")), str(said.get("timestamp", ""))
        account = self._known(key, Error("30011", "Invalid ACCESS_KEY"))
        if not is_number(timestamp):
            raise Error("30013", "Invalid ACCESS_TIMESTAMP")
        moment = int(timestamp) * (1000 if int(timestamp) < _SECONDS else 1)
        if abs(moment - self._paper.now()) > WINDOW:
            raise Error("30014", "Request timestamp expired")
        if said.get("passphrase") != account.passphrase:
            raise Error("30012", "Invalid ACCESS_PASSPHRASE")
        if said.get("sign") != signature(account.secret, f"{timestamp}GET/user/verify"):
            raise Error("30015", "Invalid sign")
        return account

    def check_window(self, p: Mapping[str, object]) -> None:
        """Raise `Error` for a request that names a time within which it is valid, when that is over."""
        began, window = str(p.get("requestTime") or ""), str(p.get("receiveWindow") or "")
        if not began or not window:
            return
        if not (is_number(began) and is_number(window)) or int(window) >= LONGEST_WINDOW:
            raise Error("40079", "The receiveWindow must be below 60000")
        if self._paper.now() > int(began) + int(window):
            raise Error("40078", "The request is outside of its receiveWindow")

    def _known(self, key: str, unknown: Error) -> Account:
        account = self._paper.ledger.accounts.get((NAME, key))
        if account is None:
            raise unknown
        return account


def signature(secret: str, text: str) -> str:
    """Return the signature of a text: HMAC-SHA256 in base64 (bitget.com/api-doc/common/signature)."""
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()
