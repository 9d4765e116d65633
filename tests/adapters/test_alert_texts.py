"""Alerts outside the console: every cause has its words in both languages."""

from __future__ import annotations

import pytest

from adapters.alert_texts import WORDS, all_clear_of, text_of
from aristobot.terminals.alerts.open_alerts import RECOGNISED
from domain.alert import Cause, Severity
from domain.reconciliation import Kind, Statement

FACTS = {
    "seconds": "50",
    "holder": "aristobot_owner psql (pid 7)",
    "free": "900",
    "hours": "30",
    "symbol": "BTC/USDT", "broker": "1", "side": "sell", "reason": "connection_closed", "detail": "in English",
    "word": "HALTED", "ours": "cancelled", "minutes": "3", "terminal": "gateway", "pid": "7",
    "count": "2", "channel": "phone", "number": "77", "position": "9", "head": "ab", "faults": "status is missing",
    "topic": "Order.Filled", "age": "75", "share": "40",
}  # fmt: skip


SIDES = {"ours": Statement(Kind.HOLDING, {"amount": "1.5", "currency": "BTC"}), "theirs": Statement(Kind.NOT_FOUND)}


def order(status: str, filled: str, size: str) -> Statement:
    """Return one side's statement of an order."""
    return Statement(Kind.ORDER, {"status": status, "filled": filled, "size": size})


def plain(text: str) -> str:
    """Return the text with ordinary spaces instead of non-breaking ones."""
    return text.replace(chr(0xA0), " ")


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("cause", Cause)
def test_every_cause_says_what_happened_and_what_to_do(language: str, cause: Cause) -> None:
    """Each alert has a title and more than one sentence, with every placeholder filled."""
    sides = SIDES if cause is Cause.TO_DECIDE else {}
    title, body = (plain(text) for text in text_of(language, cause, Severity.WARNING, FACTS, sides))
    assert title.startswith("[!] Aristobot: ")
    assert not {"{", "|"} & {*title, *body}
    assert body.count(". ") + body.count(" ; ") + body.count("; ") + body.count(" : ") >= 1
    if language == "fr" and cause is not Cause.BACKUP_FAILED:  # it quotes the system's own message
        assert not {"English", "connection", "missing", "gateway"} & {*body.replace(",", " ").split()}


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("cause", sorted(RECOGNISED))
def test_every_cause_that_ends_says_so(language: str, cause: Cause) -> None:
    """The all-clear has the alert's title and says that nothing is left to do."""
    title, body = (plain(text) for text in all_clear_of(language, cause, FACTS))
    assert plain(WORDS[language]["causes"][cause]) in title
    assert not {"{", "}"} & {*title, *body}
    assert body.endswith({"fr": "Plus rien à faire.", "en": "Nothing left to do."}[language])


def test_both_languages_know_the_same_causes() -> None:
    """Each language has words for every cause there is."""
    for words in WORDS.values():
        assert set(words["causes"]) == set(words["alert_texts"]) == {*Cause}
        assert set(words["endings"]) == RECOGNISED


@pytest.mark.parametrize(
    ("language", "reason", "told"),
    [
        ("en", "stale", "was not sent (too old to be executed); nothing"),
        ("en", "paused", "was not sent (auto-trading is paused); nothing"),
        ("fr", "stale", "n'est pas partie (trop ancien pour être exécuté) ; rien"),
        ("fr", "", "n'est pas partie ; rien"),
    ],
)
def test_an_exit_that_was_not_sent_says_why(language: str, reason: str, told: str) -> None:
    """The exit was too late or its owner had stopped trading. Alerts from before reasons were recorded give none."""
    assert told in plain(text_of(language, Cause.EXIT_STALE, Severity.CRITICAL, {**FACTS, "reason": reason})[1])


def test_an_entry_that_came_too_late_says_how_old_it_was() -> None:
    """The age is given in seconds."""
    for language, told in (("en", "was 75 s old"), ("fr", "avait 75 s")):
        assert told in plain(text_of(language, Cause.ENTRY_STALE, Severity.WARNING, FACTS)[1])


def test_reasons_of_refusals_at_the_door_have_words() -> None:
    for words in WORDS.values():
        assert {"key_misspelt", "bar_too_old"} <= set(words["reasons"])


@pytest.mark.parametrize(
    ("language", "count", "told"),
    [
        ("fr", "0", "0 webhook attend"), ("fr", "1", "1 webhook attend"), ("fr", "2", "2 webhooks attendent"),
        ("en", "0", "0 webhooks are"), ("en", "1", "1 webhook is"), ("en", "2", "2 webhooks are"),
    ],
)  # fmt: skip
def test_a_number_has_its_plural(language: str, count: str, told: str) -> None:
    """Zero is singular in French and plural in English."""
    assert text_of(language, Cause.SPOOL_USED, Severity.WARNING, {"count": count})[1].startswith(f"{told} ")


@pytest.mark.parametrize(
    ("language", "ours", "theirs", "expected"),
    [
        (
            "fr",
            order("open", "0.1", "0.5"),
            Statement(Kind.NOT_FOUND),
            "Aristobot : ouvert (0,1 / 0,5) ; exchange : introuvable.",
        ),
        ("en", Statement(Kind.NOTHING), order("NEW", "0", "1"), "Aristobot: nothing; exchange: open (0 / 1)."),
        (
            "fr",
            Statement(Kind.NOTHING),
            order("HALTED", "0", "1.5"),
            "Aristobot : rien ; exchange : HALTED (0 / 1,5).",
        ),
    ],
)
def test_what_each_side_said_reads_as_words(language: str, ours: Statement, theirs: Statement, expected: str) -> None:
    """States appear in the platform's words. The exchange's word is quoted where it is not one of the known states."""
    sides = {"ours": ours, "theirs": theirs}
    assert expected in plain(text_of(language, Cause.TO_DECIDE, Severity.CRITICAL, FACTS, sides)[1])


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("too_slow", " (l'exchange a mis trop de temps à répondre)"),
        ("no_answer", " (pas de réponse de l'exchange)"),
        ("exchange_unreachable", " (exchange injoignable)"),
        ("something that nobody has translated", ""),
    ],
)
def test_a_reason_is_told_in_the_language_of_the_reader_or_not_at_all(reason: str, told: str) -> None:
    """The words recorded in the log are shown in the console's story only."""
    body = plain(text_of("fr", Cause.NOT_RECONCILED, Severity.WARNING, {**FACTS, "reason": reason})[1])
    assert f"réconciliation avec l'exchange a échoué{told}. " in body


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_exchanges_own_words_are_told_beside_the_reason(language):
    """The exchange's message names the rule that was violated. The platform's own English sentences are left out."""
    facts = {
        "symbol": "BTC/USDT",
        "broker": "1",
        "reason": "price_too_far",
        "detail": "-1013: Filter failure: PERCENT_PRICE",
    }
    _, body = text_of(language, "position_unprotected", "critical", facts)
    assert "-1013: Filter failure: PERCENT_PRICE)" in body
    _, body = text_of(language, "position_unprotected", "critical", {**facts, "detail": "4 is below 5"})
    assert "below" not in body
