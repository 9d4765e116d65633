"""The words for what alerts name by code: terminals, states, reasons, and what each side said of an order."""

from __future__ import annotations

import re
from collections.abc import Mapping

TERMINALS: Mapping[str, Mapping[str, str]] = {
    "fr": {
        "web": "Serveur web",
        "engine": "Moteur de trading",
        "gateway": "Passerelle des exchanges",
        "receiver": "Réception des webhooks",
        "projector": "Tables de lecture",
        "alerts": "Alertes",
        "monitor": "Surveillance",
    },
    "en": {
        "web": "Web server",
        "engine": "Trading engine",
        "gateway": "Exchange gateway",
        "receiver": "Webhook receiver",
        "projector": "Read models",
        "alerts": "Alerts",
        "monitor": "Monitor",
    },
}
STATES: Mapping[str, Mapping[str, str]] = {
    "fr": {
        "placed": "à envoyer",
        "refused": "refusé",
        "submitted": "envoyé",
        "unknown": "INCONNU",
        "open": "ouvert",
        "closed": "exécuté",
        "cancelled": "annulé",
        "expired": "expiré",
        "rejected": "rejeté",
    },
    "en": {
        "placed": "to be sent",
        "refused": "refused",
        "submitted": "sent",
        "unknown": "UNKNOWN",
        "open": "open",
        "closed": "filled",
        "cancelled": "cancelled",
        "expired": "expired",
        "rejected": "rejected",
    },
}
REASONS: Mapping[str, Mapping[str, str]] = {
    "fr": {
        "connection_closed": "connexion coupée",
        "no_answer": "pas de réponse de l'exchange",
        "not_accepted": "l'exchange n'a pas pris la demande",
        "too_slow": "l'exchange a mis trop de temps à répondre",
        "unreadable": "réponse illisible de l'exchange",
        "not_shown": "l'exchange ne le montre pas",
        "exchange_unreachable": "exchange injoignable",
        "rate_limited": "limite de requêtes atteinte",
        "clock_skewed": "horloge décalée",
        "key_refused": "clé API refusée",
        "refused_by_exchange": "refusé par l'exchange",
        "filter_failed": "refusé par une règle de l'exchange",
        "insufficient_funds": "fonds insuffisants",
        "protection_refused": "protection refusée par l'exchange",
        "protection_unknown": "protection en doute",
        "coins_protected": "actifs encore protégés",
        "market_below_stop": "le marché est déjà sous ce stop",
        "limit_per_order": "au-dessus du plafond par ordre",
        "limit_per_day": "au-dessus du plafond du jour",
        "limit_not_computable": "valeur incalculable dans la devise du plafond",
        "not_delivered": "non délivré",
        "amounts_contradict": "des quantités qui se contredisent",
        "executions_vanished": "des exécutions déjà annoncées ont disparu",
        "executions_missing": "des exécutions que l'exchange ne liste pas",
        "fill_contradicts": "une exécution impossible",
        "fee_negative": "des frais négatifs",
        "time_runs_backwards": "une exécution antérieure à l'envoi",
        "order_known_otherwise": "un autre numéro d'ordre",
        "side_contradicts": "le sens opposé",
        "foreign_symbol": "un autre actif",
        "never_sent": "un ordre que nous n'avons jamais envoyé",
    },
    "en": {
        "connection_closed": "the connection was cut",
        "no_answer": "no answer from the exchange",
        "not_accepted": "the exchange did not take the request",
        "too_slow": "the exchange took too long to answer",
        "unreadable": "unreadable answer from the exchange",
        "not_shown": "the exchange does not show it",
        "exchange_unreachable": "exchange unreachable",
        "rate_limited": "request limit reached",
        "clock_skewed": "clock is off",
        "key_refused": "API key refused",
        "refused_by_exchange": "refused by the exchange",
        "filter_failed": "refused by a rule of the exchange",
        "insufficient_funds": "insufficient funds",
        "protection_refused": "protection refused by the exchange",
        "protection_unknown": "protection in doubt",
        "coins_protected": "coins still protected",
        "market_below_stop": "the market is below this stop already",
        "limit_per_order": "above the limit per order",
        "limit_per_day": "above the limit of the day",
        "limit_not_computable": "cannot be valued in the limit's currency",
        "not_delivered": "not delivered",
        "amounts_contradict": "amounts that contradict each other",
        "executions_vanished": "executions told before have vanished",
        "executions_missing": "executions that the exchange does not list",
        "fill_contradicts": "an impossible execution",
        "fee_negative": "a negative fee",
        "time_runs_backwards": "an execution before the sending",
        "order_known_otherwise": "another order number",
        "side_contradicts": "the opposite side",
        "foreign_symbol": "another symbol",
        "never_sent": "an order that was never sent by us",
    },
}
SAID: Mapping[str, Mapping[str, str]] = {
    "fr": {"nothing": "rien", "not found": "introuvable", "unreadable": "illisible"},
    "en": {"nothing": "nothing", "not found": "not found", "unreadable": "unreadable"},
}
"""What a side says that shows no order."""
SENTENCES = {"the connection was closed": "connection_closed", "the exchange does not show it": "not_shown"}
"""Reasons of the platform that are no codes."""
FAILURES = {
    "TimeoutError": "too_slow",
    "NoAnswer": "no_answer",
    "Unreadable": "unreadable",
    "PartlyUnreadable": "unreadable",
    "NotAccepted": "not_accepted",
    "RefusedByExchange": "refused_by_exchange",
}
"""What a comparison that failed names first: `NoAnswer: no connection: …`."""
NATIVE = {
    "new": "open",
    "live": "open",
    "partially_filled": "open",
    "filled": "closed",
    "canceled": "cancelled",
    "expired_in_match": "expired",
}
"""Exchanges' words for states of ours, where they differ."""
_SIDE = re.compile(r"(.+) ([\d.]+)/([\d.]+)")
_HOLDS = re.compile(r"holds ([\d.]+) (\S+)")


def because(language: str, facts: Mapping[str, str]) -> str:
    """The reason in brackets; one that has no words in this language is left out, the console's story has it."""
    said = facts.get("reason", "")
    code = SENTENCES.get(said) or FAILURES.get(said.partition(":")[0]) or said
    known = REASONS[language].get(code)
    return f" ({known})" if known else ""


def word(language: str, name: str, fact: str) -> str:
    """A fact in words; what has none is said as it is."""
    if name == "terminal":
        return TERMINALS[language].get(fact, fact)
    if name not in {"ours", "theirs"}:
        return fact
    mark = "," if language == "fr" else "."
    if (holds := _HOLDS.fullmatch(fact)) is not None:
        amount, currency = holds.groups()
        return f"{'détient' if language == 'fr' else 'holds'} {amount.replace('.', mark)} {currency}"
    if (shown := _SIDE.fullmatch(fact)) is None:
        return SAID[language].get(fact) or STATES[language].get(fact, fact)
    state, filled, size = shown.groups()
    meant = NATIVE.get(state.lower(), state.lower())
    filled, size = filled.replace(".", mark), size.replace(".", mark)
    return f"{STATES[language].get(meant, state)} ({filled} / {size})"
