"""The paper exchange's accounts in Binance's format: balances, commissions, the permissions of keys."""

from __future__ import annotations

from typing import Any

from adapters.paper.binance.forms import amount, native
from adapters.paper.fees import BNB, BNB_SHARE
from adapters.paper.ledger import FEE_RATE
from adapters.paper.orders import Account
from adapters.paper.pairs import Pair
from domain.amounts import ZERO


def commission(owner: Account, pair: Pair, suffix: str) -> dict[str, Any]:
    """Return the rates of account/commission (no suffix) or of a test order (`ForOrder`)."""
    in_bnb = owner.fees_in == BNB
    rates, nothing = (
        {"maker": amount(FEE_RATE), "taker": amount(FEE_RATE)},
        {"maker": amount(ZERO), "taker": amount(ZERO)},
    )
    sides = {} if suffix else {"buyer": amount(ZERO), "seller": amount(ZERO)}
    return {
        **({} if suffix else {"symbol": native(pair)}),
        f"standardCommission{suffix}": rates | sides,
        f"specialCommission{suffix}": nothing | sides,
        f"taxCommission{suffix}": nothing | sides,
        "discount": {
            "enabledForAccount": in_bnb, "enabledForSymbol": in_bnb, "discountAsset": BNB, "discount": amount(BNB_SHARE),
        },
    }  # fmt: skip


def balances(account: Account, *, omit_zero: bool = False) -> list[dict[str, str]]:
    """Return the balances of an account."""
    currencies = sorted(account.free.keys() | account.locked.keys())
    rows = [(c, account.free.get(c, ZERO), account.locked.get(c, ZERO)) for c in currencies]
    return [{"asset": c, "free": amount(f), "locked": amount(k)} for c, f, k in rows if f or k or not omit_zero]


def account(owner: Account, *, omit_zero: bool) -> dict[str, Any]:
    """Return the response of /account."""
    rate = amount(FEE_RATE)
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": rate, "taker": rate, "buyer": "0.00000000", "seller": "0.00000000"},
        "canTrade": True,
        "canWithdraw": owner.may_withdraw,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": 0,
        "accountType": "SPOT",
        "balances": balances(owner, omit_zero=omit_zero),
        "permissions": ["SPOT"],
        "uid": owner.number,
    }


def restrictions(owner: Account) -> dict[str, Any]:
    """Return the response of /sapi/v1/account/apiRestrictions."""
    return {
        "ipRestrict": False,
        "createTime": 0,
        "enableReading": True,
        "enableSpotAndMarginTrading": True,
        "enableWithdrawals": owner.may_withdraw,
        "enableInternalTransfer": False,
        "permitsUniversalTransfer": False,
        "enableMargin": False,
        "enableFutures": False,
        "enableVanillaOptions": False,
    }


def positions(owner: Account, pair: Pair, now: int) -> dict[str, Any]:
    """Return an outboundAccountPosition with only the balances that may have changed."""
    rows = [b for b in balances(owner) if b["asset"] in {pair.base, pair.quote, owner.fees_in}]
    changed = [{"a": b["asset"], "f": b["free"], "l": b["locked"]} for b in rows]
    return {"e": "outboundAccountPosition", "E": now, "u": now, "B": changed}
