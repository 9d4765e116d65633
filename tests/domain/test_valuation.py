"""Valuation: what coins are worth, at prices that may be missing, old, or the other way round."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.amounts import total
from domain.trading.valuation import FRESH_SECONDS, Prices, Valued, equity, needed

TOLD = {
    "BTC/USDT": ("64000", 1.0),
    "ETH/BTC": ("0.05", 2.0),
    "USDC/USDT": ("0.999", 3.0),
    "SOL/USDT": ("150", FRESH_SECONDS),
    "ADA/USDT": ("0", 1.0),
}
PRICES = Prices.read(TOLD)


@pytest.mark.parametrize(
    ("currency", "wanted", "worth", "age"),
    [
        ("USDT", "USDT", "1", 0.0),
        ("BTC", "USDT", "64000", 1.0),
        ("ETH", "USDT", "3200", 2.0),
        ("USDT", "BTC", "0.000015625", 1.0),
        ("BTC", "USDC", "64064.064064064064064", 3.0),
    ],
)
def test_a_currency_is_priced_directly_or_over_another(currency: str, wanted: str, worth: str, age: float) -> None:
    """The age is that of the older price behind it."""
    price = PRICES.of(currency, wanted)
    assert price is not None
    assert (price.worth.quantize(Decimal("1e-15")), price.age) == (Decimal(worth).quantize(Decimal("1e-15")), age)


@pytest.mark.parametrize("currency", ["SOL", "ADA", "XYZ"])
def test_a_price_that_is_old_zero_or_missing_is_none(currency: str) -> None:
    assert PRICES.of(currency, "USDT") is None


def test_the_worth_names_what_it_leaves_out() -> None:
    amounts = {"BTC": Decimal("0.5"), "USDT": Decimal("0.1"), "SOL": Decimal(1), "XYZ": Decimal(0), "ABC": Decimal(2)}
    assert equity(amounts, PRICES, "USDT") == Valued(Decimal("32000.1"), ("ABC", "SOL"))


@given(st.dictionaries(st.sampled_from(["BTC", "ETH", "USDT"]), st.decimals("0", "1e12", places=12)))
def test_the_worth_of_all_is_the_sum_of_the_worths(amounts: dict[str, Decimal]) -> None:
    alone = [equity({name: amount}, PRICES, "USDT").worth for name, amount in amounts.items()]
    assert equity(amounts, PRICES, "USDT").worth == total(alone)


def test_only_prices_that_exist_are_needed() -> None:
    symbols = frozenset({"BTC/USDT", "ETH/BTC", "ETH/TRY", "SOL/USDT"})
    assert needed(frozenset({"ETH"}), symbols, "USDT") == {"BTC/USDT", "ETH/BTC"}
