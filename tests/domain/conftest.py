"""Settings of the domain tests: examples have no deadline, which a busy machine would miss."""

from __future__ import annotations

import pytest
from hypothesis import settings

from domain.aggregate import carrying

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
def by_the_user():
    """Record all events of the test as the first user's data."""
    with carrying(user="1"):
        yield
