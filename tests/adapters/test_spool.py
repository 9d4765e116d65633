"""The spool keeps deliveries on disk, in order and sealed, until they are in the log."""

from __future__ import annotations

import errno
from datetime import UTC, datetime

import pytest

from adapters.spool import Delivery, Spool
from adapters.vault.keys import MasterKey

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def spool(tmp_path):
    """Return a function that opens the same folder again, as the next process would."""
    fernet = MasterKey("a secret").fernet
    return lambda: Spool(tmp_path / "spool", fernet.encrypt, fernet.decrypt)


def delivery(number):
    """Return a delivery that differs from the others by its body."""
    return Delivery("a-token", f"body {number}".encode(), "192.0.2.1", NOW)


def test_what_was_put_is_drained_in_its_order_by_the_next_process(spool):
    """The order does not depend on how the folder lists its files."""
    first = spool()
    for number in range(12):
        first.put(delivery(number))
    again, drained = spool(), []
    assert len(again) == 12
    assert again.drain(drained.extend, 5) == 12
    assert drained == [delivery(number) for number in range(12)]
    assert (len(again), spool().drain(drained.extend, 5)) == (0, 0)


def test_a_delivery_that_cannot_be_handed_over_stays_with_all_after_it(spool):
    """The first delivery that raises ends the draining, so no newer one overtakes it."""
    kept, drained = spool(), []
    for number in range(3):
        kept.put(delivery(number))

    def deliver(ones):
        if ones == [delivery(1)]:
            raise ConnectionError("away")
        drained.extend(ones)

    with pytest.raises(ConnectionError):
        kept.drain(deliver, 1)
    assert (drained, len(spool())) == ([delivery(0)], 2)
    spool().drain(drained.extend, 5)
    assert drained == [delivery(number) for number in range(3)]


def test_many_are_handed_over_at_once_and_go_only_together(spool):
    """Twelve deliveries are three calls. What fails in the third leaves its two on disk, in their order."""
    kept, calls = spool(), []
    for number in range(12):
        kept.put(delivery(number))

    def deliver(ones):
        calls.append(ones)
        if len(calls) == 3:
            raise ConnectionError("away")

    with pytest.raises(ConnectionError):
        kept.drain(deliver, 5)
    assert [len(ones) for ones in calls] == [5, 5, 2]
    assert spool().drain(calls.append, 5) == 2
    assert calls[-1] == [delivery(10), delivery(11)]


def test_the_oldest_that_waits_has_an_age(spool):
    """It is when the first file was written; without any there is none."""
    kept = spool()
    assert kept.oldest() is None
    before = datetime.now(UTC)
    kept.put(delivery(1))
    kept.put(delivery(2))
    first = kept.oldest()
    assert (first - before).total_seconds() == pytest.approx(0, abs=30)
    kept.drain(lambda _: None, 1)
    assert kept.oldest() is None


def test_nothing_on_disk_can_be_read(spool, tmp_path):
    """The files reveal neither a token nor a body."""
    spool().put(delivery(1))
    written = b"".join(file.read_bytes() for file in (tmp_path / "spool").iterdir())
    assert b"a-token" not in written
    assert b"body" not in written


def test_what_is_set_aside_is_kept_and_in_nobodys_way(spool):
    """A delivery set aside is counted, and draining skips it."""
    kept = spool()
    kept.set_aside(delivery(1))
    kept.put(delivery(2))
    drained = []
    kept.drain(drained.extend, 5)
    assert (drained, kept.aside, spool().aside) == ([delivery(2)], 1, 1)


@pytest.mark.parametrize(
    "found",
    [b"", b"\x00" * 64, b"not sealed at all", MasterKey("another secret").fernet.encrypt(b"{}")],
    ids=["nothing", "zeros", "foreign bytes", "another key"],
)
def test_a_file_that_cannot_be_read_is_set_aside_as_it_is_and_the_others_are_drained(spool, tmp_path, found):
    """No delivery before or after the damaged file is held up, neither now nor after the next start."""
    # Given three deliveries, the second one damaged
    kept, drained = spool(), []
    for number in range(3):
        kept.put(delivery(number))
    damaged = sorted((tmp_path / "spool").glob("*.delivery"))[1]
    damaged.write_bytes(found)
    # Then the others are drained and the damaged file is kept unchanged
    assert kept.drain(drained.extend, 5) == 2
    assert drained == [delivery(0), delivery(2)]
    assert (len(kept), kept.aside) == (0, 1)
    assert damaged.with_suffix(".aside").read_bytes() == found
    # And the next process drains what comes later
    again = spool()
    again.put(delivery(3))
    assert again.drain(drained.extend, 5) == 1
    assert drained[-1] == delivery(3)
    assert again.aside == 1


def test_a_sealed_file_that_holds_no_delivery_is_set_aside(spool, tmp_path):
    """Another version of the program wrote the file in another format."""
    kept, drained = spool(), []
    kept.put(delivery(1))
    (tmp_path / "spool" / "000000000000.delivery").write_bytes(MasterKey("a secret").fernet.encrypt(b"[]"))
    assert kept.drain(drained.extend, 5) == 1
    assert (drained, kept.aside) == ([delivery(1)], 1)


def test_a_foreign_file_in_the_folder_does_not_keep_the_door_shut(spool, tmp_path):
    """A note, or a file left by an editor or file manager, does not stop the draining."""
    spool().put(delivery(1))
    (tmp_path / "spool" / "notes.txt").write_text("looked at this on Monday")
    again, drained = spool(), []
    again.drain(drained.extend, 5)
    assert drained == [delivery(1)]


def test_a_file_that_the_disk_does_not_give_back_stands_in_nobodys_way(spool, tmp_path):
    """A directory in the place of a file stands for a read error of the disk."""
    kept, drained = spool(), []
    (tmp_path / "spool" / "000000000000.delivery").mkdir()
    kept.put(delivery(1))
    kept.drain(drained.extend, 5)
    assert drained == [delivery(1)]


def test_an_error_that_passes_sets_nothing_aside(spool, monkeypatch):
    """There are too many open files for a moment. The delivery stays, and is drained later."""
    kept, drained = spool(), []
    kept.put(delivery(1))
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.read_bytes", _too_many_files)
        with pytest.raises(OSError, match="Too many"):
            kept.drain(drained.extend, 5)
    assert (len(kept), kept.aside) == (1, 0)
    kept.drain(drained.extend, 5)
    assert drained == [delivery(1)]


def _too_many_files(_):
    raise OSError(errno.EMFILE, "Too many open files")
