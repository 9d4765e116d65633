"""Fixtures of the receiver's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.terminals.receiver.served import Served, served


@pytest.fixture
def door(database, valkey, tmp_path, monkeypatch) -> Iterator[Served]:
    """Serve a door on a real port in a thread."""
    with served(database, valkey, tmp_path, monkeypatch) as opened:
        yield opened
