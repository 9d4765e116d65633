"""The fault script: the faults that the paper exchange is told to make, how often, for how long, on which market."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

REFUSALS = frozenset({"refuse", "clock_refused"})
REQUEST = REFUSALS | {"lose_answer", "lose_request", "delay", "status_500", "status_429", "garbage"}
FATES = frozenset({"partial_fill", "expire", "expire_in_match", "insufficient"})
"""The faults that can strike an order while it is placed."""
STREAM = frozenset({"drop_stream", "duplicate_fill", "reorder_fills", "deaf_stream"})
SKEW, TOO_MANY, UNKNOWN_SYMBOL, DEAF = "skew_clock", "count_exceeded", "refuse_symbol", "deaf_stream"
TIMED = frozenset({TOO_MANY, DEAF})
"""The faults that last for their seconds, however often they strike."""
STANDING = TIMED | {SKEW, UNKNOWN_SYMBOL}
AT = {
    "place_order": REQUEST | FATES | {"hide_order", TOO_MANY},
    "cancel_order": REQUEST,
    "query": REQUEST | {"hide_order", UNKNOWN_SYMBOL},
    "stream": STREAM,
    "trigger": frozenset({"fail_execute"}),
}
"""The faults possible at each moment. A skewed clock is wrong for every caller, whatever moment is named."""


class Deaf(Exception):
    """Raised by `take` while the private streams are silent: what happens meanwhile is never reported."""


@dataclass
class Fault:
    """One instruction.

    `seconds` is the length of a delay or of a timed fault, the time an order stays hidden, or the clock's error.
    `exchange`, `symbol` (BTC/USDT) and `type` (Binance's word) limit it to one of them. `code` and `message` are those
    of a refusal.
    """

    when: str
    kind: str
    times: int = 1
    seconds: float = 1.0
    symbol: str = ""
    type: str = ""
    code: int = -1013
    message: str = ""
    until: int = 0
    exchange: str = ""

    def strikes(self, symbol: str, types: Collection[str], exchange: str) -> bool:
        """Return True when the fault applies to a request on this market for orders of these types."""
        here = self.exchange in {"", exchange} and self.symbol in {"", symbol}
        return here and (not self.type or self.type in types)


def _no_clock() -> int:
    return 0


@dataclass
class Faults:
    """The instructions in force. Most are used up after `times`, timed ones expire, the rest stand until cleared."""

    pending: list[Fault] = field(default_factory=list)
    clock: Callable[[], int] = _no_clock

    def add(self, fault: Fault) -> None:
        """Add an instruction; a timed fault begins now. Raises `ValueError` for an unknown moment or kind."""
        if fault.when not in AT:
            raise ValueError(f"when is one of {sorted(AT)}")
        if fault.kind not in AT[fault.when] | {SKEW}:
            raise ValueError(f"what can go wrong at {fault.when} is one of {sorted(AT[fault.when] | {SKEW})}")
        if fault.kind in TIMED:
            fault.until = self.clock() + int(fault.seconds * 1000)
        self.pending.append(fault)

    def take(self, when: str, exchange: str, symbol: str = "", types: Collection[str] = ()) -> Fault | None:
        """Return the next fault for this moment and count it as used. Raises `Deaf` while the streams are silent."""
        if when == "stream" and self.standing(DEAF, exchange) is not None:
            raise Deaf
        for fault in self.pending:
            if fault.when == when and fault.kind not in STANDING and fault.strikes(symbol, types, exchange):
                fault.times -= 1
                if fault.times <= 0:
                    self.pending.remove(fault)
                return fault
        return None

    def standing(self, kind: str, exchange: str, symbol: str = "", types: Collection[str] = ()) -> Fault | None:
        """Return the fault of this kind that is in force, or None. Drop the timed faults that are over."""
        now = self.clock()
        self.pending[:] = [f for f in self.pending if f.kind not in TIMED or f.until > now]
        return next((f for f in self.pending if f.kind == kind and f.strikes(symbol, types, exchange)), None)

    def skew(self) -> float:
        """Return the current error of the exchange's clock in seconds."""
        return next((fault.seconds for fault in self.pending if fault.kind == SKEW), 0.0)
