"""The fee of a trade: taken from the amount received, or in BNB at a discount."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

from adapters.paper.orders import Account
from adapters.paper.prices import Prices
from domain.amounts import ZERO

RATE = Decimal("0.001")
BNB_SHARE = Decimal("0.75")
"""The share of a fee that remains when it is paid in BNB: Binance gives 25 % off."""
BNB = "BNB"
_MEASURE = "USDT"
_CENT_OF_CENTS = Decimal("0.00000001")


def fee_of(account: Account, received: Decimal, currency: str, prices: Prices) -> tuple[Decimal, str]:
    """Return the fee on an amount received and its currency: BNB when the account chose it and holds enough."""
    fee = _rounded(received * RATE)
    if account.fees_in != BNB:
        return fee, currency
    value, bnb = _value(currency, prices), _value(BNB, prices)
    if value is None or bnb is None:
        return fee, currency
    in_bnb = _rounded(received * RATE * BNB_SHARE * value / bnb)
    return (in_bnb, BNB) if account.free.get(BNB, ZERO) >= in_bnb else (fee, currency)


def _value(currency: str, prices: Prices) -> Decimal | None:
    return Decimal(1) if currency == _MEASURE else prices.last.get(f"{currency}/{_MEASURE}")


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT_OF_CENTS, rounding=ROUND_DOWN)
