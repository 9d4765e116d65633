"""A trader's own parameters are added to an order as they are, and never stand for one that the platform sets."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.exchanges.binance import parameters as binance
from adapters.exchanges.bitget import parameters as bitget
from application.ports.errors import RefusedByExchange
from application.ports.statements import OrderRequest
from domain.orders.wish import PRICED, TRIGGERED, Side, Terms, TimeInForce, Type
from tests.domain.test_market import FREE

ONE = Decimal(1)


def of_bitget(request: OrderRequest) -> dict[str, str]:
    return (bitget.of_plan if request.type in TRIGGERED else bitget.of_order)(request)


WRITERS = {"Binance": (binance.of_order, binance._OWN), "Bitget": (of_bitget, bitget._OWN)}
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,39}", fullmatch=True)


@st.composite
def requests(draw) -> OrderRequest:
    kind, side = draw(st.sampled_from(Type)), draw(st.sampled_from(Side))
    by_cost = (kind, side) == (Type.MARKET, Side.BUY)
    return OrderRequest(
        "mine", FREE, side, kind, None if by_cost else ONE, ONE if by_cost else None, ONE if kind in PRICED else None,
        draw(st.sampled_from(TimeInForce)) if kind is Type.LIMIT else None, ONE if kind in TRIGGERED else None,
    )  # fmt: skip


@pytest.mark.parametrize("exchange", WRITERS)
@given(request=requests(), extra=st.dictionaries(names, st.text(max_size=5), max_size=5))
def test_extras_are_added_and_all_else_stays(exchange, request, extra):
    """Every parameter that the platform writes is among those that no extra may name, in capitals or not."""
    write, own = WRITERS[exchange]
    plain = write(request)
    assert {name.lower() for name in plain} <= own
    with_extra = replace(request, terms=Terms(extra=extra))
    taken = [name for name in extra if name.lower() in own]
    if taken:
        with pytest.raises(RefusedByExchange, match=f"{exchange}.*{taken[0]}") as refused:
            write(with_extra)
        assert refused.value.code == "extra_params_reserved"
    else:
        assert write(with_extra) == {**plain, **extra}


@pytest.mark.parametrize(
    ("exchange", "name"), [(exchange, name) for exchange, (_, own) in WRITERS.items() for name in sorted(own)]
)
def test_no_parameter_of_the_platform_is_replaced(exchange, name):
    """Those of signatures and windows of time are among them."""
    request = OrderRequest("mine", FREE, Side.SELL, Type.MARKET, ONE, terms=Terms(extra={name.upper(): "1"}))
    with pytest.raises(RefusedByExchange, match=name.upper()):
        WRITERS[exchange][0](request)
