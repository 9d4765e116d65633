"""The rules of one market as data: status, order types, filters. They are kept under Binance's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters.paper.pairs import Pair
from domain.amounts import ZERO

STATUSES = ("TRADING", "HALT", "BREAK", "END_OF_DAY", "CANCEL_ONLY")
CANCELS_IN = frozenset({"TRADING", "HALT", "CANCEL_ONLY"})
ORDER_TYPES = (
    "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
)  # fmt: skip
_HIGHEST_PRICE = Decimal(10_000_000)

Value = Decimal | int | bool
FIELDS: dict[str, dict[str, type[Decimal | int | bool]]] = {
    "PRICE_FILTER": {"minPrice": Decimal, "maxPrice": Decimal, "tickSize": Decimal},
    "LOT_SIZE": {"minQty": Decimal, "maxQty": Decimal, "stepSize": Decimal},
    "MARKET_LOT_SIZE": {"minQty": Decimal, "maxQty": Decimal, "stepSize": Decimal},
    "NOTIONAL": {
        "minNotional": Decimal, "applyMinToMarket": bool, "maxNotional": Decimal, "applyMaxToMarket": bool,
        "avgPriceMins": int,
    },
    "PERCENT_PRICE_BY_SIDE": {
        "bidMultiplierUp": Decimal, "bidMultiplierDown": Decimal, "askMultiplierUp": Decimal,
        "askMultiplierDown": Decimal, "avgPriceMins": int,
    },
    "ICEBERG_PARTS": {"limit": int},
    "MAX_NUM_ORDERS": {"maxNumOrders": int},
    "MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": int},
    "MAX_NUM_ORDER_LISTS": {"maxNumOrderLists": int},
}  # fmt: skip
"""Every filter that the engine enforces, with the type of each of its fields."""


@dataclass
class Rules:
    """The rules of one market. A filter field that is absent or zero restricts nothing."""

    status: str = "TRADING"
    order_types: tuple[str, ...] = ORDER_TYPES
    cancel_replace_allowed: bool = True
    oco_allowed: bool = True
    filters: dict[str, dict[str, Value]] = field(default_factory=dict)

    def number(self, name: str, field_name: str) -> Decimal:
        """Return one field of a filter, zero when it is absent."""
        return Decimal(self.filters.get(name, {}).get(field_name, ZERO))

    @property
    def tick(self) -> Decimal:
        """The smallest step of a price."""
        return self.number("PRICE_FILTER", "tickSize")

    @property
    def step(self) -> Decimal:
        """The smallest step of a quantity."""
        return self.number("LOT_SIZE", "stepSize")

    def changed(
        self,
        *,
        status: str | None = None,
        order_types: list[str] | None = None,
        cancel_replace_allowed: bool | None = None,
        oco_allowed: bool | None = None,
        filters: Mapping[str, Mapping[str, Any] | None] | None = None,
    ) -> Rules:
        """Return these rules with the given changes. Raises `ValueError` and changes nothing on bad input."""
        if status not in {None, *STATUSES}:
            raise ValueError(f"status is one of {list(STATUSES)}")
        if order_types is not None and not (isinstance(order_types, list) and set(order_types) <= set(ORDER_TYPES)):
            raise ValueError(f"order_types are of {list(ORDER_TYPES)}")
        for name, flag in (("cancel_replace_allowed", cancel_replace_allowed), ("oco_allowed", oco_allowed)):
            if flag not in {None, True, False}:
                raise ValueError(f"{name} is true or false")
        changed = {name: dict(fields) for name, fields in self.filters.items()}
        for name, fields in (filters or {}).items():
            _change(changed, name, fields)
        return Rules(
            status or self.status,
            self.order_types if order_types is None else tuple(order_types),
            self.cancel_replace_allowed if cancel_replace_allowed is None else cancel_replace_allowed,
            self.oco_allowed if oco_allowed is None else oco_allowed,
            changed,
        )


BANDS: Mapping[str, dict[str, Value]] = {
    "bitget": {"bidMultiplierUp": Decimal("1.05"), "askMultiplierDown": Decimal("0.95"), "avgPriceMins": 0}
}
"""The exchanges whose markets open with a band around the last price."""


def rules_of(pair: Pair, exchange: str) -> Rules:
    """Return the rules that a market opens with at an exchange."""
    most, zero = pair.maximum_quantity, ZERO
    band = {"PERCENT_PRICE_BY_SIDE": dict(BANDS[exchange])} if exchange in BANDS else {}
    return Rules(
        filters={
            "PRICE_FILTER": {"minPrice": pair.tick, "maxPrice": _HIGHEST_PRICE, "tickSize": pair.tick},
            "LOT_SIZE": {"minQty": pair.step, "maxQty": most, "stepSize": pair.step},
            "MARKET_LOT_SIZE": {"minQty": zero, "maxQty": most, "stepSize": zero},
            "NOTIONAL": {
                "minNotional": pair.minimum_notional, "applyMinToMarket": True,
                "maxNotional": pair.maximum_notional, "applyMaxToMarket": True, "avgPriceMins": 0,
            },
            "ICEBERG_PARTS": {"limit": 10},
            "MAX_NUM_ORDERS": {"maxNumOrders": 200},
            "MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": 100},
            "MAX_NUM_ORDER_LISTS": {"maxNumOrderLists": 100},
            **band,
        }
    )  # fmt: skip


def _change(filters: dict[str, dict[str, Value]], name: str, fields: Mapping[str, Any] | None) -> None:
    if name not in FIELDS:
        raise ValueError(f"a filter is one of {list(FIELDS)}")
    if fields is None:
        filters.pop(name, None)
        return
    kept = filters.setdefault(name, {})
    for field_name, given in fields.items():
        if field_name not in FIELDS[name]:
            raise ValueError(f"a field of {name} is one of {list(FIELDS[name])}")
        if given is None:
            kept.pop(field_name, None)
        else:
            kept[field_name] = _value(name, field_name, given)
    if not kept:
        del filters[name]


def _value(name: str, field_name: str, given: Any) -> Value:
    kind = FIELDS[name][field_name]
    if kind is bool:
        if not isinstance(given, bool):
            raise ValueError(f"{name}.{field_name} is true or false")
        return given
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        raise ValueError(f"{name}.{field_name} is a number") from None
    if not value.is_finite() or value < 0 or (kind is int and value % 1):
        raise ValueError(f"{name}.{field_name} is a number that is not negative")
    return int(value) if kind is int else value
