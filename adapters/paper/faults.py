"""The fault script: what the paper exchange is told to do wrong, how often, for how long."""

from __future__ import annotations

from dataclasses import dataclass, field

REQUEST = frozenset({"lose_answer", "lose_request", "delay", "status_500", "status_429", "garbage"})
STREAM = frozenset({"drop_stream", "duplicate_fill", "reorder_fills"})
SKEW = "skew_clock"
AT = {
    "place_order": REQUEST | {"partial_fill", "hide_order"},
    "cancel_order": REQUEST,
    "query": REQUEST | {"hide_order"},
    "stream": STREAM,
}
"""What can go wrong at each moment. The clock is wrong for everybody, whatever moment is named."""


@dataclass
class Fault:
    """One instruction. `seconds` is how long a delay lasts, an order hides, or by how much the clock is wrong."""

    when: str
    kind: str
    times: int = 1
    seconds: float = 1.0


@dataclass
class Faults:
    """The instructions in force, each used up by its `times`; a wrong clock stays wrong until they are cleared."""

    pending: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Raises `ValueError` for a word that is none."""
        if fault.when not in AT:
            raise ValueError(f"when is one of {sorted(AT)}")
        if fault.kind not in AT[fault.when] | {SKEW}:
            raise ValueError(f"what can go wrong at {fault.when} is one of {sorted(AT[fault.when] | {SKEW})}")
        self.pending.append(fault)

    def take(self, when: str) -> Fault | None:
        """The next fault for this moment, counted as used."""
        for fault in self.pending:
            if fault.when == when and fault.kind != SKEW:
                fault.times -= 1
                if fault.times <= 0:
                    self.pending.remove(fault)
                return fault
        return None

    def skew(self) -> float:
        """By how many seconds the exchange's clock is wrong now."""
        return next((fault.seconds for fault in self.pending if fault.kind == SKEW), 0.0)
