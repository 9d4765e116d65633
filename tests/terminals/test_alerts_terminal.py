"""The herald of the alerts terminal: every raised alert reaches every channel once, whatever dies in between."""

from __future__ import annotations

import pytest

from application.alerts import tell
from domain.aggregate import carrying
from domain.alert import Alert, Cause
from domain.trading.position import Position
from tests.terminals.trouble import FAILED, RAISED, SENT

# --- what is raised and sent -------------------------------------------------------------------------------------


def test_a_doubt_is_one_alert_that_every_channel_hears_once(trouble):
    """The alert is in the user's language and names its market and broker. A second herald finds nothing to send."""
    trouble.doubt()
    trouble.send()
    trouble.send()
    assert trouble.raised() == [(1, Cause.ORDER_UNKNOWN)]
    body = "BTC/USDT, broker 1 : l'exchange n'a pas répondu, l'ordre existe peut-être. Il est recherché : rien à faire"
    heard = ("[!] Aristobot: Ordre inconnu", f"{body} pour l'instant.")
    assert trouble.one.heard == trouble.other.heard == [heard]
    assert trouble.outcomes() == (["one", "other"], [])
    assert {event.metadata["user"] for event in trouble.events(SENT)} == {"1"}


def test_a_lost_protection_is_loud_unless_it_is_dust(trouble):
    """A position that is too small to be sold raises no alert; the console marks it beside the position."""
    trouble.lose("not_protectable")
    assert trouble.raised() == []
    with carrying(user="1"):
        position = trouble.store.get(Position, Position.create_id(1, 1, "BTC/USDT", "webhook"))
        position.lose_protection("protection_refused")
        trouble.store.save(position)
    trouble.judge()
    trouble.send()
    assert trouble.raised() == [(1, Cause.POSITION_UNPROTECTED)]
    assert [title for title, _ in trouble.one.heard] == ["[!!!] Aristobot: Position sans protection"]


def test_a_dead_channel_is_told_of_on_the_other(trouble):
    """The attempts are counted. From then on the channel gets one attempt per alert, and no second report."""
    trouble.other.answer = 500
    with trouble.herald() as herald:
        for _ in range(2):
            trouble.doubt()
            while herald.step():
                pass
    assert trouble.raised() == [(1, Cause.ORDER_UNKNOWN), (1, Cause.CHANNEL_DEAD), (1, Cause.ORDER_UNKNOWN)]
    tries = [("other", 1), ("other", 2), ("other", 3), ("other", 1)]
    assert trouble.outcomes() == (["one", "one", "one"], tries)
    assert {event.reason for event in trouble.events(FAILED)} == {"not_delivered"}
    assert len(trouble.other.heard) == 4
    assert "« JSON » est en panne (non délivré)." in trouble.one.heard[1][1]


def test_a_channel_that_lives_again_is_told_of_when_it_dies_anew(trouble):
    """Alerts that the channel missed meanwhile are not sent later."""
    with trouble.herald() as herald:
        for answer in (500, 200, 500):
            trouble.other.answer = answer
            trouble.doubt()
            while herald.step():
                pass
    assert [cause for _, cause in trouble.raised()].count(Cause.CHANNEL_DEAD) == 2
    assert trouble.outcomes()[0].count("other") == 1


# --- restarts ----------------------------------------------------------------------------------------------------


def test_what_was_recorded_as_sent_is_not_sent_again_after_a_crash(trouble):
    """The herald dies before it saves its log position."""
    trouble.doubt()
    save = trouble.store.save

    def crash(*aggregates, follower=None, **how):
        if follower is not None:
            raise KeyboardInterrupt
        return save(*aggregates, **how)

    trouble.store.save = crash
    with pytest.raises(KeyboardInterrupt), trouble.herald() as herald:
        herald.step()
    trouble.store.save = save
    trouble.send()
    assert (len(trouble.one.heard), len(trouble.other.heard)) == (1, 1)
    assert trouble.outcomes() == (["one", "other"], [])


def test_what_was_sent_and_not_recorded_is_sent_again_after_a_crash(trouble):
    """The herald may repeat an alert, but it never loses one."""
    trouble.doubt()

    def crash(*_, **__):
        raise KeyboardInterrupt

    with trouble.herald() as herald:
        herald._record = crash
        with pytest.raises(KeyboardInterrupt):
            herald.step()
    assert (len(trouble.one.heard), len(trouble.other.heard)) == (1, 0)
    trouble.send()
    assert (len(trouble.one.heard), len(trouble.other.heard)) == (2, 1)
    assert trouble.outcomes() == (["one", "other"], [])


def test_what_is_raised_just_after_the_herald_found_nothing_is_sent_at_its_next_look(trouble):
    """The alert is not passed over together with the events that are no alerts."""
    read = trouble.store.read

    def raised_after(*which, **how):
        page, trouble.store.read = read(*which, **how), read
        tell(trouble.store, 1, Cause.BACKUP_FAILED, "1", {"reason": "no space"})
        return page

    with trouble.herald() as herald:
        trouble.store.read = raised_after
        herald.step()
        while herald.step():
            pass
    assert ["« no space »" in text for _, text in trouble.one.heard] == [True]


def test_an_alert_is_one_of_its_kind(trouble):
    """The same occurrence, reported again, adds nothing to the log."""
    for _ in range(2):
        tell(trouble.store, 1, Cause.BACKUP_FAILED, "today", {"reason": "no space"})
    assert trouble.raised() == [(1, Cause.BACKUP_FAILED)]
    assert trouble.store.get(Alert, trouble.events(RAISED)[0].originator_id).facts == {"reason": "no space"}
