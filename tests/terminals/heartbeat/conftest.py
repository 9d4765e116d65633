"""Fixtures of the heartbeat's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.by_exchange import exchange as exchange  # the fixture  # noqa: PLC0414
from tests.support.by_exchange import pytest_generate_tests as pytest_generate_tests  # the hook  # noqa: PLC0414
from tests.terminals.heartbeat.day import Day, at_work


@pytest.fixture
async def day(monkeypatch, exchange) -> AsyncIterator[Day]:
    async with at_work(monkeypatch, exchange) as made:
        yield made
