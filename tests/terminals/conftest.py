"""A platform on which something goes wrong, and the alerts terminal that reports it."""

from __future__ import annotations

import pytest

from tests.terminals.trouble import Terminal, troubled


@pytest.fixture
def trouble(database, valkey, tmp_path, monkeypatch):
    with troubled(database, valkey, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def terminal(trouble):
    made = Terminal(trouble)
    yield made
    made.herald.close()
