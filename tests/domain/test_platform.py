"""The platform's own stream: starts, stops and deaths, and a start without a stop before it."""

from __future__ import annotations

from domain.platform import Platform


def told(platform: Platform) -> list[str]:
    return [type(event).__name__.removeprefix("Platform") for event in platform.pending_events]


def test_a_start_after_an_orderly_stop_is_no_crash():
    platform = Platform()
    assert [platform.start(), platform.is_running] == [False, True]
    platform.stop()
    assert [platform.is_running, platform.start()] == [False, False]
    assert told(platform)[1:] == ["Started", "Stopped", "Started"]


def test_a_start_without_a_stop_before_it_is_a_crash():
    platform = Platform()
    platform.start()
    platform.terminal_starts("web", 7)
    assert platform.start()
    assert platform.up == set()


def test_a_restored_backup_was_running_and_has_not_crashed():
    platform = Platform()
    platform.start()
    platform.record_restore("a.dump", 9, "head")
    assert not platform.start()


def test_a_terminal_dies_once():
    platform = Platform()
    platform.start()
    platform.terminal_dies("web", -9, frozen=False)
    platform.terminal_starts("web", 7)
    for _ in range(2):
        platform.terminal_dies("web", -9, frozen=True)
    assert told(platform)[1:] == ["Started", "TerminalUp", "TerminalDown"]
    platform.stop()
    platform.stop()
    assert told(platform).count("Stopped") == 1
