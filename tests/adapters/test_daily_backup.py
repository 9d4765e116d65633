"""The daily backup: due when the newest is a day old, whatever a clock that was wrong once has left behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import structlog

from adapters.database.backup import newest
from aristobot.commands import backups
from aristobot.commands.backups import Daily
from aristobot.settings import Settings
from domain.alert import Cause

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def daily(database, tmp_path, monkeypatch):
    monkeypatch.setenv("ARISTOBOT_HOME", str(tmp_path))
    monkeypatch.setattr(backups, "utc_now", lambda: NOW)
    return Daily(Settings.read(), database.url, database.master, structlog.get_logger())


def note(daily, moment):
    folder = daily._settings.backups
    folder.mkdir(exist_ok=True)
    (folder / f"aristobot-{moment:%Y%m%dT%H%M%SZ}.json").write_text("{}")


def dumps(daily):
    return len([*daily._settings.backups.glob("*.dump")])


def test_a_backup_is_made_when_the_last_is_a_day_old(daily):
    note(daily, NOW - timedelta(hours=23))
    daily.look()
    assert (dumps(daily), daily.figures()) == (0, {"age": 23 * 3600.0})
    note(daily, NOW - timedelta(days=2))
    (daily._settings.backups / f"aristobot-{NOW - timedelta(hours=23):%Y%m%dT%H%M%SZ}.json").unlink()
    daily.look()
    assert (dumps(daily), daily.figures()) == (1, {"age": 0.0})


def test_a_note_of_the_future_stops_nothing(daily):
    """The clock was wrong once, years ahead. Backups go on, and the newest true one is never deleted."""
    note(daily, NOW + timedelta(days=3000))
    note(daily, NOW - timedelta(days=40))
    assert daily.figures() == {"age": 40 * 86400.0}
    daily.look()
    assert dumps(daily) == 1
    assert newest(daily._settings.backups, NOW) == NOW
    assert newest(daily._settings.backups, NOW + timedelta(days=4000)) == NOW + timedelta(days=3000)


def test_a_backup_that_fails_is_told_and_tried_again_later(daily, database, monkeypatch):
    """It is told once, and not tried again at once."""
    tried = []

    def fails(*_):
        tried.append(1)
        raise backups.BackupFailed("the folder is gone")

    monkeypatch.setattr(backups, "back_up_now", fails)
    told = []
    monkeypatch.setattr(backups, "_tell", lambda *given: told.append(given[3]))
    daily.look()
    daily.look()
    assert (len(tried), told) == (1, [Cause.BACKUP_FAILED])


def test_a_file_of_somebody_else_is_in_nobodys_way(daily):
    """It lies in the folder under a name that looks like a note."""
    note(daily, NOW - timedelta(days=40))
    for name in ("aristobot-old.json", "aristobot-.json", "aristobot-20260302T093000Z (copy).json"):
        (daily._settings.backups / name).write_text("{}")
    daily.look()
    assert (dumps(daily), daily.figures()) == (1, {"age": 0.0})
    assert (daily._settings.backups / "aristobot-old.json").exists()
