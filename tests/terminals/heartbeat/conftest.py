"""Fixtures of the heartbeat's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.terminals.heartbeat.day import Day, at_work


@pytest.fixture
async def day(monkeypatch) -> AsyncIterator[Day]:
    async with at_work(monkeypatch) as made:
        yield made
