"""Terms of an order that an exchange does not take: the order is refused, or goes without them and that is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from application.ports.statements import Capabilities, OrderRequest
from domain.orders.terms import CRITICAL, Term
from domain.orders.wish import Wish
from domain.refusals import Invalid

TRAILING = "trailing"


def fitted(request: OrderRequest, capabilities: Capabilities) -> OrderRequest:
    """Return the request without what the exchange cannot express and the order can do without.

    Raises `Invalid`, naming exchange and parameter, when the order would be another one without it: a critical term,
    or a distance without which there is no trigger.
    """
    exchange, terms = request.market.exchange, request.terms
    for term in terms.given if terms is not None else ():
        if term in CRITICAL and term not in capabilities.terms:
            raise Invalid(f"{exchange} does not take {term}", code=f"{term}_not_offered", field=term)
    if terms is not None and terms.iceberg_qty is not None:
        hides = Term.ICEBERG in capabilities.terms and request.market.icebergs
        shown = request.market.round_quantity(terms.iceberg_qty) if hides else None
        request = replace(request, terms=replace(terms, iceberg_qty=shown or None))
    if request.trailing is not None and not capabilities.trailing:
        if request.stop_price is None:
            raise Invalid(f"{exchange} does not take {TRAILING}", code="trailing_not_offered", field=TRAILING)
        request = replace(request, trailing=None)
    return request


def left_out(wish: Wish, request: OrderRequest) -> Sequence[str]:
    """Return the names of what a wish asks for and its request does not have."""
    kept = request.terms.given if request.terms is not None else ()
    ignored = [term.value for term in (wish.terms.given if wish.terms is not None else ()) if term not in kept]
    return [*ignored, TRAILING] if wish.trailing is not None and request.trailing is None else ignored
