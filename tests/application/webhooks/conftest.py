from __future__ import annotations

import pytest

from tests.application.webhooks.house import House


@pytest.fixture
def house(database):
    return House(database.store())
