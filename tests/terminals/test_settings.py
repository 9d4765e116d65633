"""The settings of a process: what they say of themselves."""

from __future__ import annotations

from aristobot.settings import Settings


def test_printed_settings_show_no_password(monkeypatch):
    """URLs hold some."""
    for name in ("DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL"):
        monkeypatch.setenv(f"ARISTOBOT_{name}", "scheme://somebody:very-secret@host/place")
    settings = Settings.read()
    assert settings.need_redis().endswith("@host/place")
    assert "very-secret" not in repr(settings)
