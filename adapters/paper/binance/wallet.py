"""The paper Binance's wallet API as far as spot clients request it, and empty listings of margin and futures."""

from __future__ import annotations

from typing import Any

from adapters.paper.binance.forms import amount, native
from adapters.paper.binance.market import NAME
from adapters.paper.binance.parameters import Error, Parameters, pair_in
from adapters.paper.exchange import Paper
from adapters.paper.ledger import FEE_RATE
from adapters.paper.orders import Account
from domain.amounts import ZERO

_SNAPSHOTS = ("SPOT", "MARGIN", "FUTURES")


class BinanceWallet:
    """The operations of /sapi. Nothing can be deposited, withdrawn, borrowed or lent here."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper

    def coins(self, account: Account, _: Parameters) -> list[dict[str, Any]]:
        """Return every coin with the account's balance of it (capital/config/getall)."""
        names = {name for pair in self._paper.markets.pairs(NAME) for name in (pair.base, pair.quote)}
        nothing = dict.fromkeys(("freeze", "ipoable", "ipoing", "storage", "withdrawing"), "0")
        return [
            {
                "coin": coin, "name": coin, "free": amount(account.free.get(coin, ZERO)),
                "locked": amount(account.locked.get(coin, ZERO)), **nothing, "depositAllEnable": False,
                "withdrawAllEnable": False, "isLegalMoney": False, "trading": True, "networkList": [],
            }
            for coin in sorted(names | account.free.keys() | account.locked.keys())
        ]  # fmt: skip

    def fees(self, _: Account, p: Parameters) -> list[dict[str, str]]:
        """Return the fee rates of one market or of all (asset/tradeFee)."""
        rate = f"{FEE_RATE.normalize():f}"
        chosen = [pair_in(p)] if "symbol" in p else self._paper.markets.pairs(NAME)
        return [{"symbol": native(pair), "makerCommission": rate, "takerCommission": rate} for pair in chosen]

    @staticmethod
    def status(_: Parameters) -> dict[str, Any]:
        """Report that there is no maintenance (system/status)."""
        return {"status": 0, "msg": "normal"}

    @staticmethod
    def account_status(_: Account, __: Parameters) -> dict[str, str]:
        """Report that the account is in order (account/status)."""
        return {"data": "Normal"}

    @staticmethod
    def snapshot(_: Account, p: Parameters) -> dict[str, Any]:
        """Return no snapshots: the exchange takes none at the end of a day (accountSnapshot)."""
        if p.get("type") not in _SNAPSHOTS:
            raise Error(-1102, "Mandatory parameter 'type' was not sent, was empty/null, or malformed.")
        return {"code": 200, "msg": "", "snapshotVos": []}

    def no_contracts(self, _: Parameters) -> dict[str, Any]:
        """Return the exchangeInfo of a futures exchange without markets."""
        return {
            "timezone": "UTC", "serverTime": self._paper.now(), "rateLimits": [], "exchangeFilters": [], "assets": [],
            "symbols": [],
        }  # fmt: skip

    @staticmethod
    def no_pairs(_: Parameters) -> list[dict[str, Any]]:
        """Return an empty list: no pair trades on margin here."""
        return []
