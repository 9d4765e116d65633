"""Sentences: what earlier versions wrote as prose into events, read as data. Nothing writes them any more.

A sentence that cannot be read is kept as `said`.
"""

from __future__ import annotations

import re
from typing import Any

UNREADABLE = "unreadable"
Data = dict[str, Any]

_ALONE = {"nothing": "nothing", "not found": "not_found", "unreadable": "unreadable", "listed": "listed"}
_HOLDING = re.compile(r"holds (?P<amount>\S+) (?P<currency>.+)")
_ORDER = re.compile(r"(?P<status>.*) (?P<filled>\S+)/(?P<size>\S+)", re.DOTALL)

_FACTS = {
    "Accepted": re.compile(r"(?P<exchange_order_id>.+)", re.DOTALL),
    "Amended": re.compile(r"(?P<quantity>\S+) at (?P<price>\S+)"),
    "Filled": re.compile(r"trade (?P<trade_id>.*): (?P<quantity>\S+) at (?P<price>\S+)", re.DOTALL),
    "Progressed": re.compile(r"(?P<cumulative_quantity>\S+) for (?P<cumulative_cost>\S+)"),
    "Corrected": re.compile(r"(?P<theirs>\w+) instead of (?P<ours>\w+)"),
    "StatusUnknown": re.compile(r"(?P<native_status>.+)", re.DOTALL),
}
_BARE = frozenset({"Closed", "Cancelled", "Expired", "Rejected"})

_CONTRADICTIONS = {
    "never_sent": (r"(?P<status>.*) as (?P<exchange_order_id>.*)",),
    "foreign_symbol": (r"(?P<theirs>.*) instead of (?P<ours>.*)",),
    "side_contradicts": (r"(?P<theirs>\w+) instead of (?P<ours>\w+)",),
    "order_known_otherwise": (r"(?P<theirs>.*) instead of (?P<ours>.*)",),
    "amounts_contradict": (
        r"(?P<filled>\S+) of (?P<quantity>\S+) for (?P<cost>\S+)",
        r"the fills are more than the (?P<filled>\S+) executed",
        r"(?P<status>.*) with all of (?P<filled>\S+) executed",
        r"(?P<status>.*) with (?P<filled>\S+) of (?P<quantity>\S+)",
    ),
    "executions_vanished": (r"(?P<status>.*) with (?P<filled>\S+), (?P<before>\S+) were reported",),
    "executions_missing": (r"(?P<filled>\S+) executed, (?P<listed>\S+) listed",),
    "fill_contradicts": (
        r"trade (?P<trade_id>.*) is no amount",
        r"trade (?P<trade_id>.*): (?P<quantity>\S+) at (?P<price>\S+)",
        r"trade (?P<trade_id>.*): (?P<quantity>\S+) is more than the order of (?P<size>\S+) has left",
        r"trade (?P<trade_id>.*): (?P<theirs>\S+) instead of (?P<ours>\S+)",
    ),
    "fee_negative": (r"trade (?P<trade_id>.*): a fee of (?P<fee>\S+)",),
    "time_runs_backwards": (r"trade (?P<trade_id>.*) at (?P<executed_at>\S+)",),
}
_SILENCES = {"the connection was closed": "connection_closed", "the exchange does not show it": "not_shown"}
_FAILURES = {
    "TimeoutError": "too_slow",
    "NoAnswer": "no_answer",
    "Unreadable": "unreadable",
    "PartlyUnreadable": "unreadable",
    "NotAccepted": "not_accepted",
    "RefusedByExchange": "refused_by_exchange",
}


def statement_of(said: str) -> Data:
    """Return the kind and values of what one side said of an order or a holding."""
    if (alone := _ALONE.get(said)) is not None:
        return {"kind": alone, "values": {}}
    if (found := _HOLDING.fullmatch(said)) is not None:
        return {"kind": "holding", "values": found.groupdict()}
    if (found := _ORDER.fullmatch(said)) is not None:
        return {"kind": "order", "values": found.groupdict()}
    return {"kind": UNREADABLE, "values": {"said": said}}


def fact_of(said: str) -> Data:
    """Return the event and values of a recorded fact."""
    event, _, detail = said.partition(" ")
    if event in _BARE and not detail:
        return {"event": event, "values": {}}
    if event == "Contradicted":
        reason, _, told = detail.partition(": ")
        return {"event": event, "values": {"reason": reason, **contradiction_of(reason, told)}}
    found = _FACTS[event].fullmatch(detail) if event in _FACTS else None
    if found is None:
        return {"event": UNREADABLE, "values": {"said": said}}
    return {"event": event, "values": {name: value for name, value in found.groupdict().items() if value != "None"}}


def contradiction_of(reason: str, detail: str) -> dict[str, str]:
    """Return the values of a statement that could not be true."""
    for form in _CONTRADICTIONS.get(reason, ()):
        if (found := re.fullmatch(form, detail, re.DOTALL)) is not None:
            return found.groupdict()
    return {"said": detail} if detail else {}


def silence_of(said: str) -> tuple[str, str]:
    """Return the code and the words of the reason why an order came into doubt."""
    return (_SILENCES[said], "") if said in _SILENCES else ("no_answer", said)


def failure_of(said: str, code: str | None = None) -> tuple[str, str]:
    """Return the code and the words of the reason why a reconciliation failed: `NoAnswer: no connection`."""
    name, _, words = said.partition(": ")
    return code or _FAILURES.get(name, "no_answer"), words if name in _FAILURES else said


def discrepancy_of(state: Data) -> None:
    """Turn the sentences of a discrepancy into data, in place."""
    found = state["discrepancy"]
    refused = found["ours"] == "listed"
    found["theirs"] = (
        {"kind": "not_listed", "values": {"said": found["theirs"]}} if refused else statement_of(found["theirs"])
    )
    found["ours"] = statement_of(found["ours"])
    found["facts"] = [fact_of(said) for said in found.get("facts", ())]


def alert_facts_of(cause: str, facts: Data) -> tuple[Data, Data]:
    """Return the facts of an alert without sentences, and the statements of both sides, where it had some."""
    sides: Data = {
        side: statement_of(facts[side]) for side in ("ours", "theirs") if cause == "to_decide" and side in facts
    }
    told = {name: fact for name, fact in facts.items() if name not in sides}
    if "reason" in told and cause in {"order_unknown", "not_compared"}:
        read = silence_of if cause == "order_unknown" else failure_of
        told["reason"], words = read(told["reason"])
        told |= {"detail": words} if words else {}
    return told, sides
