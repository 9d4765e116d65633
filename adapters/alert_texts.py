"""What alerts say outside the console, in both languages. They name things by id and symbol, never a person."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "fr": {
        "position_unprotected": (
            "Position sans protection",
            "{symbol}, broker {broker} : aucun stop en place ({reason}).",
        ),
        "order_unknown": ("Ordre inconnu", "{symbol}, broker {broker} : l'exchange n'a pas répondu ({reason})."),
        "status_unknown": ("Statut inconnu", "{symbol}, broker {broker} : mot « {word} » à ajouter à la table."),
        "limit_refused": ("Limite atteinte", "{symbol}, broker {broker} : entrée refusée ({detail})."),
        "exit_stale": (
            "Vente non envoyée",
            "{symbol}, broker {broker} : trop tard pour vendre seul, à vous de le faire.",
        ),
        "doubt_lasts": (
            "Toujours inconnu",
            "{symbol}, broker {broker} : ordre inconnu depuis {minutes} min, à résoudre par vous.",
        ),
        "report_contradicts": (
            "Réponse contradictoire",
            "{symbol}, broker {broker} : l'exchange se contredit ({detail}).",
        ),
        "order_reopened": (
            "Ordre rouvert",
            "{symbol}, broker {broker} : terminé pour nous ({ours}), encore ouvert sur l'exchange.",
        ),
        "to_decide": ("À vous de décider", "{symbol}, broker {broker} : ici {ours}, exchange {theirs}."),
        "not_compared": ("Exchange non comparé", "broker {broker} : ses ordres n'ont pas pu être lus ({reason})."),
        "record_malformed": ("Enregistrement incomplet", "{symbol}, broker {broker} : {faults}."),
        "terminal_down": ("Terminal arrêté", "{terminal} ne donne plus signe de vie."),
        "terminal_restarted": ("Terminal relancé", "{terminal} a été relancé (processus {pid})."),
        "event_parked": ("Événement mis de côté", "{count} flux ne sont plus projetés ; voir les journaux."),
        "spool_used": ("File d'attente en service", "{count} webhooks attendent PostgreSQL."),
        "channel_dead": ("Canal d'alerte muet", "« {channel} » ne prend plus les alertes ({reason})."),
        "backup_failed": ("Sauvegarde échouée", "{reason}"),
        "daily_head": ("Tête du journal", "Événement {position}, empreinte {head}."),
    },
    "en": {
        "position_unprotected": ("Position without protection", "{symbol}, broker {broker}: no stop rests ({reason})."),
        "order_unknown": ("Order unknown", "{symbol}, broker {broker}: the exchange did not answer ({reason})."),
        "status_unknown": ("Unknown status", "{symbol}, broker {broker}: the word “{word}” needs a mapping."),
        "limit_refused": ("Limit reached", "{symbol}, broker {broker}: entry refused ({detail})."),
        "exit_stale": ("Exit not sent", "{symbol}, broker {broker}: too late to be sold by itself, it is up to you."),
        "doubt_lasts": (
            "Still unknown",
            "{symbol}, broker {broker}: order unknown for {minutes} min, it is up to you to resolve it.",
        ),
        "report_contradicts": ("Contradictory answer", "{symbol}, broker {broker}: the exchange says {detail}."),
        "order_reopened": ("Order reopened", "{symbol}, broker {broker}: ended here ({ours}), open on the exchange."),
        "to_decide": ("Up to you", "{symbol}, broker {broker}: here {ours}, exchange {theirs}."),
        "not_compared": ("Exchange not compared", "broker {broker}: its orders could not be read ({reason})."),
        "record_malformed": ("Incomplete record", "{symbol}, broker {broker}: {faults}."),
        "terminal_down": ("Terminal down", "{terminal} shows no sign of life."),
        "terminal_restarted": ("Terminal restarted", "{terminal} was restarted (process {pid})."),
        "event_parked": ("Event parked", "{count} streams are no longer projected; see the logs."),
        "spool_used": ("Spool in use", "{count} webhooks wait for PostgreSQL."),
        "channel_dead": ("Alert channel dead", "“{channel}” takes no alerts any more ({reason})."),
        "backup_failed": ("Backup failed", "{reason}"),
        "daily_head": ("Head of the log", "Event {position}, hash {head}."),
    },
}
MARKS = {"info": "", "warning": "[!] ", "critical": "[!!!] "}


def text_of(language: str, cause: str, severity: str, facts: Mapping[str, str]) -> tuple[str, str]:
    """Title and body."""
    title, body = TEXTS[language][cause]
    return f"{MARKS[severity]}Aristobot: {title}", body.format_map(facts)
