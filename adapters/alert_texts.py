"""The texts of alerts outside the console, in both languages: what happened, and what the reader can do about it.

They name things by id and symbol, never a person. The words are those of the console, which reads the same files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domain.reconciliation import Kind, Statement

FOLDER = Path(__file__).with_name("words")
MARKS = {"info": "", "warning": "[!] ", "critical": "[!!!] "}
_NATIVE = re.compile(r"-?\d+: ")
"""The beginning of an exchange's own words, which are not translated: its error number, then its text."""


def _read(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


WORDS = {language: _read(language) for language in ("fr", "en")}
CODES = _read("codes")
"""Our order states for the exchanges' names of them."""
AMOUNTS = frozenset({"amount", "filled", "size"})


def text_of(
    language: str, cause: str, severity: str, facts: Mapping[str, str], sides: Mapping[str, Statement] | None = None
) -> tuple[str, str]:
    """Return the title and body of an alert. `sides` are the statements of both, where they differ."""
    words = WORDS[language]
    body = _form(language, words["alert_texts"][cause], int(facts.get("count", 1)))
    because = _because(words, facts.get("reason", ""), facts.get("detail", ""))
    said = {side: _said(words, told, "," if language == "fr" else ".") for side, told in (sides or {}).items()}
    return f"{MARKS[severity]}Aristobot: {words['causes'][cause]}", _filled(
        language, body, facts, because=because, **said
    )


def all_clear_of(language: str, cause: str, facts: Mapping[str, str]) -> tuple[str, str]:
    """Return the title and body of the all-clear: the trouble that an alert reported is over."""
    words = WORDS[language]
    title = words["over"].format(cause=words["causes"][cause])
    return f"Aristobot: {title}", _filled(language, words["endings"][cause], facts)


def _filled(language: str, text: str, facts: Mapping[str, str], **more: str) -> str:
    return text.format_map({name: _fact(language, name, fact) for name, fact in facts.items()} | more)


def _form(language: str, text: str, number: int) -> str:
    """Return the singular or plural for a number; zero takes the singular in French."""
    singular, *plural = text.split(" | ")
    return singular if not plural or number == 1 or (number == 0 and language == "fr") else plural[0]


def _because(words: Mapping[str, Any], said: str, detail: str) -> str:
    """Return the reason in brackets, with the exchange's own words, which name its rule.

    A reason without words in this language is left out; the story in the console shows it.
    """
    known = words["reasons"].get(said)
    if not known:
        return ""
    form = words["because_of"] if _NATIVE.match(detail) else words["because"]
    return str(form.format(reason=known, detail=detail))


def _fact(language: str, name: str, fact: str) -> str:
    """Put a fact into words; one without words is returned as it is."""
    words = WORDS[language]
    if name == "broker":
        return f"broker {fact}"
    if name == "terminal":
        return str(words["terminals"].get(fact, fact))
    return _state(words, fact) if name == "ours" else fact


def _said(words: Mapping[str, Any], told: Statement, mark: str) -> str:
    """Put a statement into words; `mark` is the decimal separator."""
    values = {name: value.replace(".", mark) if name in AMOUNTS else value for name, value in told.values.items()}
    if told.kind is Kind.ORDER:
        values["status"] = _state(words, values["status"])
    return str(words["statements"][told.kind].format(**values))


def _state(words: Mapping[str, Any], said: str) -> str:
    return str(words["order_states"].get(CODES["states"].get(said.lower(), said), said))
