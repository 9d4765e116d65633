"""Cancel-replace at the paper Binance: a cancel and a placement in one request. Either may succeed alone."""

from __future__ import annotations

from typing import Any

from adapters.paper.binance.api import BinanceApi, error_of
from adapters.paper.binance.limits import OrderLimits, TooManyOrders
from adapters.paper.binance.parameters import Error, Parameters, both_missing, missing, pair_in, word_in
from adapters.paper.faults import Fault
from adapters.paper.orders import Account, Refused

_MODES = frozenset({"STOP_ON_FAILURE", "ALLOW_FAILURE"})
_WHEN_FULL = frozenset({"DO_NOTHING", "CANCEL_ONLY"})
_NAMES = {"orderId": "cancelOrderId", "origClientOrderId": "cancelOrigClientOrderId"}
SUCCESS, FAILURE, NOT_ATTEMPTED = "SUCCESS", "FAILURE", "NOT_ATTEMPTED"


class Replacements:
    """The cancel-replace operation. It counts its new order itself: an order that is not attempted counts as well."""

    def __init__(self, api: BinanceApi, limits: OrderLimits) -> None:
        self._api = api
        self._paper = api.paper
        self._limits = limits

    def replace(
        self, account: Account, p: Parameters, fault: Fault | None = None, full: TooManyOrders | None = None
    ) -> dict[str, Any]:
        """Serve order.cancelReplace. `full` is a limit that the fault script declares used up."""
        mode = _mode_in(p)
        self._weigh(account, p)
        full = full or self._limits.exceeded(account, 1)
        if full is not None and p.get("orderRateLimitExceededMode", "DO_NOTHING") == "DO_NOTHING":
            raise full
        if full is None:
            self._paper.counts.add(account, 1)
        told: dict[str, Any] = {"cancelResult": SUCCESS, "newOrderResult": NOT_ATTEMPTED}
        told |= self._cancel(account, p) | {"newOrderResponse": None}
        stopped = told["cancelResult"] == FAILURE and mode == "STOP_ON_FAILURE"
        if not stopped:
            told |= self._place(account, p, fault, full)
        results = {told["cancelResult"], told["newOrderResult"]}
        if results == {SUCCESS}:
            return told
        if SUCCESS in results:
            raise Error(-2021, "Order cancel-replace partially failed.", 409, told)
        raise Error(-2022, "Order cancel-replace failed.", 429 if stopped and full else 400, told)

    def _weigh(self, account: Account, p: Parameters) -> None:
        """Check the filters before anything is cancelled, while the old order still counts."""
        pair, wanted = pair_in(p), self._api.wanted(p)
        if not self._paper.markets.rules(account.exchange, pair).cancel_replace_allowed:
            raise error_of(Refused("replace_not_allowed"))
        try:
            self._paper.ledger.weigh(account, pair, **wanted)
        except Refused as refused:
            raise error_of(refused) from refused

    def _cancel(self, account: Account, p: Parameters) -> dict[str, Any]:
        old = {"symbol": p["symbol"], **{name: p[given] for name, given in _NAMES.items() if given in p}}
        if "cancelNewClientOrderId" in p:
            old["newClientOrderId"] = p["cancelNewClientOrderId"]
        if "cancelRestrictions" in p:
            old["cancelRestrictions"] = p["cancelRestrictions"]
        try:
            return {"cancelResponse": self._api.cancel(account, old)}
        except Error as error:
            return {"cancelResult": FAILURE, "cancelResponse": error.told}

    def _place(
        self, account: Account, p: Parameters, fault: Fault | None, full: TooManyOrders | None
    ) -> dict[str, Any]:
        try:
            if full is not None:
                raise full
            return {"newOrderResult": SUCCESS, "newOrderResponse": self._api.place(account, p, fault)}
        except Error as error:
            return {"newOrderResult": FAILURE, "newOrderResponse": error.told}


def _mode_in(p: Parameters) -> str:
    """Read the mode. Raises `Error` for an invalid mode, or when the request names no order to cancel."""
    if not p.get("cancelReplaceMode"):
        raise missing("cancelReplaceMode")
    # The codes are documented; the one that Binance gives for a wrong word is not verified.
    word_in(p, "cancelReplaceMode", _MODES, Error(-1128, "Combination of optional parameters invalid."))
    word_in(p, "orderRateLimitExceededMode", _WHEN_FULL, Error(-1128, "Combination of optional parameters invalid."))
    if not any(p.get(name) for name in _NAMES.values()):
        raise both_missing("cancelOrigClientOrderId", "cancelOrderId")
    return p["cancelReplaceMode"]
