"""The settings of a process: as they are printed, and where one is empty."""

from __future__ import annotations

from aristobot.settings import Settings


def test_printed_settings_show_no_password(monkeypatch):
    """Some URLs contain passwords."""
    for name in ("DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL"):
        monkeypatch.setenv(f"ARISTOBOT_{name}", "scheme://somebody:very-secret@host/place")
    settings = Settings.read()
    assert settings.need_redis().endswith("@host/place")
    assert "very-secret" not in repr(settings)


def test_a_setting_that_is_empty_counts_as_absent(monkeypatch):
    """`.env.example` lists every name, and users who copy it leave some of them empty."""
    for name in ("DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL", "BINANCE_URL", "BACKUP_COPY", "DOUBT_SECONDS"):
        monkeypatch.setenv(f"ARISTOBOT_{name}", "")
    settings = Settings.read()
    assert (settings.database_url, settings.database_direct_url, settings.redis_url) == (None, None, None)
    assert (dict(settings.paper_urls), settings.backup_copy, settings.doubt_seconds) == ({}, None, 180)


def test_files_of_an_earlier_version_are_closed_to_others(monkeypatch, tmp_path):
    """Logs and the books of the paper exchange were readable by everybody who could enter HOME."""
    monkeypatch.setenv("ARISTOBOT_HOME", str(tmp_path))
    for name in ("logs/web.log", "paper/books.sqlite", "servers.json", "spool/1.delivery"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
        file.chmod(0o644)
    Settings.read().close_home()
    assert {oct(file.stat().st_mode & 0o777) for file in tmp_path.rglob("*") if file.is_file()} == {"0o600"}
