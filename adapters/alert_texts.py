"""What alerts say outside the console, in both languages: what happened, and what their reader can do.

They name things by id and symbol, never a person.
"""

from __future__ import annotations

from collections.abc import Mapping

from adapters.alert_words import because, word

TEXTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "fr": {
        "position_unprotected": (
            "Position sans protection",
            "{symbol}, broker {broker} : aucun stop n'est en place{because}. Posez-en un sur l'exchange, ou vendez.",
        ),
        "order_unknown": (
            "Ordre inconnu",
            (
                "{symbol}, broker {broker} : l'exchange n'a pas répondu{because}, l'ordre existe peut-être. Il "
                "est recherché : rien à faire pour l'instant."
            ),
        ),
        "status_unknown": (
            "Statut inconnu",
            (
                "{symbol}, broker {broker} : l'exchange emploie un statut que nous ne connaissons pas, « {word} "
                "». Vérifiez l'ordre sur l'exchange et signalez ce mot à l'administrateur."
            ),
        ),
        "limit_refused": (
            "Plafond atteint",
            (
                "{symbol}, broker {broker} : entrée refusée{because}. Pour la permettre, relevez le plafond du "
                "broker dans Mon Compte."
            ),
        ),
        "terminal_down": (
            "Terminal arrêté",
            (
                "{terminal} : plus aucun signe de vie. La relance est automatique ; s'il ne revient pas, "
                "consultez les journaux."
            ),
        ),
        "terminal_restarted": (
            "Terminal relancé",
            (
                "{terminal} : arrêté, puis relancé (processus {pid}). Rien à faire, sauf si cela se répète : "
                "consultez alors les journaux."
            ),
        ),
        "event_parked": (
            "Événement mis de côté",
            (
                "Flux qui ne sont plus suivis : {count}. L'affichage peut être incomplet. Consultez les "
                "journaux, puis lancez « aristobot projections rebuild »."
            ),
        ),
        "spool_used": (
            "File d'attente en service",
            (
                "Webhooks qui attendent sur disque le retour de la base de données : {count}. Rien n'est perdu ; "
                "vérifiez PostgreSQL."
            ),
        ),
        "channel_dead": (
            "Canal d'alerte muet",
            "Le canal « {channel} » ne prend plus les alertes{because}. Vérifiez son adresse dans Mon Compte.",
        ),
        "backup_failed": (
            "Sauvegarde échouée",
            "La sauvegarde a échoué. Vérifiez la place et les droits du dossier ; le système a dit : « {reason} ».",
        ),
        "daily_head": (
            "Tête du journal",
            (
                "Événement {position}, empreinte {head}. Gardez cette ligne ailleurs : elle prouvera que "
                "l'histoire n'a pas été modifiée."
            ),
        ),
        "exit_stale": (
            "Vente non envoyée",
            (
                "{symbol}, broker {broker} : la vente n'est pas partie à temps, rien n'est vendu. Pour l'envoyer "
                "quand même : « Vendre maintenant » sur le tableau de bord."
            ),
        ),
        "doubt_lasts": (
            "Toujours inconnu",
            (
                "{symbol}, broker {broker} : ordre inconnu depuis {minutes} min. Regardez sur l'exchange, puis "
                "choisissez « Résoudre » sur le tableau de bord."
            ),
        ),
        "report_contradicts": (
            "Réponse contradictoire",
            (
                "{symbol}, broker {broker} : l'exchange dit de cet ordre ce qui ne peut pas être{because}. "
                "Comparez l'ordre avec ce que montre l'exchange."
            ),
        ),
        "order_reopened": (
            "Ordre rouvert",
            (
                "{symbol}, broker {broker} : ordre terminé pour nous ({ours}), encore ouvert sur l'exchange. "
                "Annulez-le s'il ne doit plus être exécuté."
            ),
        ),
        "history_lost": (
            "Histoire perdue",
            (
                "{symbol}, broker {broker} : l'ordre {number} de l'exchange porte notre marque, mais notre journal ne "
                "le connaît pas : une partie en est perdue. L'ordre est suivi désormais ; lancez « aristobot audit "
                "verify »."
            ),
        ),
        "to_decide": (
            "À vous de décider",
            (
                "{symbol}, broker {broker} : les deux côtés diffèrent. Chez nous : {ours} ; sur l'exchange : "
                "{theirs}. Vérifiez l'ordre sur l'exchange."
            ),
        ),
        "record_malformed": (
            "Enregistrement incomplet",
            (
                "{symbol}, broker {broker} : l'enregistrement d'un ordre est incomplet. Signalez-le à "
                "l'administrateur : le détail est dans les journaux."
            ),
        ),
        "not_compared": (
            "Exchange non comparé",
            (
                "broker {broker} : ses ordres n'ont pas pu être comparés à ceux de l'exchange{because}. La "
                "comparaison est retentée ; vérifiez l'exchange et les clés si cela dure."
            ),
        ),
    },
    "en": {
        "position_unprotected": (
            "Position without protection",
            "{symbol}, broker {broker}: no stop is in place{because}. Place one on the exchange, or sell.",
        ),
        "order_unknown": (
            "Order unknown",
            (
                "{symbol}, broker {broker}: the exchange did not answer{because}, the order may exist. It is "
                "being looked for: nothing to do for now."
            ),
        ),
        "status_unknown": (
            "Unknown status",
            (
                "{symbol}, broker {broker}: the exchange uses a status that we do not know, “{word}”. Check the "
                "order on the exchange and report this word to the administrator."
            ),
        ),
        "limit_refused": (
            "Limit reached",
            (
                "{symbol}, broker {broker}: entry refused{because}. To allow it, raise the broker's limit under "
                "My account."
            ),
        ),
        "terminal_down": (
            "Terminal down",
            "{terminal}: no sign of life. It is restarted automatically; if it does not come back, look at the logs.",
        ),
        "terminal_restarted": (
            "Terminal restarted",
            (
                "{terminal}: it stopped and was restarted (process {pid}). Nothing to do, unless it happens "
                "again: then look at the logs."
            ),
        ),
        "event_parked": (
            "Event parked",
            (
                "Streams that are no longer followed: {count}. What is shown may be incomplete. Look at the "
                "logs, then run “aristobot projections rebuild”."
            ),
        ),
        "spool_used": (
            "Spool in use",
            "Webhooks that wait on disk for the database: {count}. Nothing is lost; check PostgreSQL.",
        ),
        "channel_dead": (
            "Alert channel dead",
            "The channel “{channel}” takes no alerts any more{because}. Check its address under My account.",
        ),
        "backup_failed": (
            "Backup failed",
            "The backup failed. Check the folder's space and rights; the system said: “{reason}”.",
        ),
        "daily_head": (
            "Head of the log",
            "Event {position}, hash {head}. Keep this line elsewhere: it will prove that the history was not changed.",
        ),
        "exit_stale": (
            "Exit not sent",
            (
                "{symbol}, broker {broker}: the sale was not sent in time, nothing is sold. To send it all the "
                "same: “Sell now” on the dashboard."
            ),
        ),
        "doubt_lasts": (
            "Still unknown",
            (
                "{symbol}, broker {broker}: order unknown for {minutes} min. Look on the exchange, then choose "
                "“Resolve” on the dashboard."
            ),
        ),
        "report_contradicts": (
            "Contradictory answer",
            (
                "{symbol}, broker {broker}: the exchange says of this order what cannot be{because}. Compare the "
                "order with what the exchange shows."
            ),
        ),
        "order_reopened": (
            "Order reopened",
            (
                "{symbol}, broker {broker}: the order had ended for us ({ours}) and is open on the exchange. "
                "Cancel it if it must not be executed any more."
            ),
        ),
        "history_lost": (
            "History lost",
            (
                "{symbol}, broker {broker}: order {number} on the exchange bears our name, but our log does not know "
                "it: a part of the log is lost. The order is followed from now on; run “aristobot audit verify”."
            ),
        ),
        "to_decide": (
            "Up to you",
            (
                "{symbol}, broker {broker}: the two sides differ. Our record: {ours}; the exchange: {theirs}. "
                "Check the order on the exchange."
            ),
        ),
        "record_malformed": (
            "Incomplete record",
            (
                "{symbol}, broker {broker}: the record of an order is incomplete. Report it to the "
                "administrator: the logs have the details."
            ),
        ),
        "not_compared": (
            "Exchange not compared",
            (
                "broker {broker}: its orders could not be compared with the exchange's{because}. It is tried "
                "again; check the exchange and the keys if this lasts."
            ),
        ),
    },
}
MARKS = {"info": "", "warning": "[!] ", "critical": "[!!!] "}


def text_of(language: str, cause: str, severity: str, facts: Mapping[str, str]) -> tuple[str, str]:
    """Title and body."""
    title, body = TEXTS[language][cause]
    told = {name: word(language, name, fact) for name, fact in facts.items()}
    return f"{MARKS[severity]}Aristobot: {title}", body.format_map({**told, "because": because(language, facts)})
