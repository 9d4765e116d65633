"""A trader's own parameters of an exchange: added to a request, never in place of what the platform sets."""

from __future__ import annotations

from collections.abc import Mapping

from application.ports.errors import RefusedByExchange
from application.ports.statements import OrderRequest


def extras_of(exchange: str, request: OrderRequest, own: frozenset[str]) -> Mapping[str, str]:
    """Return the extra parameters of an order. `own` holds the names, in small letters, that the platform sets.

    Raises `RefusedByExchange`, naming exchange and parameter, for one of those: it would be another order than the log
    says, even where this order leaves it out.
    """
    extra = request.terms.extra if request.terms is not None else None
    for name in extra or {}:
        if name.lower() in own:
            raise RefusedByExchange(f"{exchange}: extra_params must not set {name}", code="extra_params_reserved")
    return extra or {}
