"""Examples have no deadline: a busy machine would break such a timing."""

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
