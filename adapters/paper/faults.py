"""The fault script: what the paper exchange is told to do wrong, how often, for how long."""

from __future__ import annotations

from dataclasses import dataclass, field

WHEN = frozenset({"place_order", "cancel_order", "query", "stream"})
KINDS = frozenset(
    {
        "lose_answer", "lose_request", "hide_order", "partial_fill", "delay", "status_500", "status_429", "garbage",
        "drop_stream", "duplicate_fill", "reorder_fills", "skew_clock",
    }
)  # fmt: skip


@dataclass
class Fault:
    """One instruction. `seconds` is how long a delay lasts, an order hides, or by how much the clock is wrong."""

    when: str
    kind: str
    times: int = 1
    seconds: float = 1.0


@dataclass
class Faults:
    """The instructions in force, each used up by its `times`."""

    pending: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Raises `ValueError` for a word that is none."""
        if fault.when not in WHEN or fault.kind not in KINDS:
            raise ValueError(f"when is one of {sorted(WHEN)}, kind one of {sorted(KINDS)}")
        self.pending.append(fault)

    def take(self, when: str, kinds: frozenset[str] = KINDS) -> Fault | None:
        """The next fault for this moment, counted as used."""
        for fault in self.pending:
            if fault.when == when and fault.kind in kinds:
                fault.times -= 1
                if fault.times <= 0:
                    self.pending.remove(fault)
                return fault
        return None

    def skew(self) -> float:
        """By how many seconds the exchange's clock is wrong now."""
        return next((fault.seconds for fault in self.pending if fault.kind == "skew_clock"), 0.0)
