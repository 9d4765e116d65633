"""The paper Bitget's operations about an account: who it is, what it holds, what it pays."""

from __future__ import annotations

from typing import Any

from adapters.paper.bitget import NAME, forms
from adapters.paper.bitget.values import Parameters, pair_in, text
from adapters.paper.exchange import Paper
from adapters.paper.orders import Account

_RATES = {"makerFeeRate": "0.001", "takerFeeRate": "0.001"}


class BitgetAccount:
    """The operations about one account."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper

    def info(self, account: Account, _: Parameters) -> dict[str, Any]:
        """Serve account/info. The authorities are Bitget's short words for what a key may do."""
        authorities = ["coor", "coow", "stor", "stow", *(["wtow"] if account.may_withdraw else [])]
        return {
            "userId": str(account.number), "inviterId": "", "channelCode": "", "channel": "", "ips": "",
            "authorities": authorities, "parentId": 0, "traderType": "not_trader", "regisTime": "1700000000000",
        }  # fmt: skip

    def assets(self, account: Account, p: Parameters) -> list[dict[str, Any]]:
        """Serve account/assets: the coins that are held, or all with `assetType=all`."""
        coin = text(p, "coin", "")
        names = account.free.keys() | account.locked.keys()
        if text(p, "assetType", "hold_only") == "all":
            names |= {name for pair in self._paper.markets.pairs(NAME) for name in (pair.base, pair.quote)}
        else:
            names = {name for name in names if account.free.get(name) or account.locked.get(name)}
        now = self._paper.now()
        return [forms.asset(account, name, now) for name in sorted(names) if coin in {"", name}]

    def rate(self, _: Account, p: Parameters) -> dict[str, str]:
        """Serve common/trade-rate."""
        pair_in(p, self._paper)
        return dict(_RATES)

    def rates(self, _: Account, p: Parameters) -> list[dict[str, str]]:
        """Serve common/all-trade-rate."""
        return [{"symbol": forms.native(pair), **_RATES} for pair in self._paper.markets.pairs(NAME)]
