"""Examples take as long as they take: a deadline would be a timing that a busy machine breaks."""

from __future__ import annotations

import pytest
from hypothesis import settings

from domain.aggregate import carrying

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
def by_the_user():
    """What is said meanwhile is said of the first user's data."""
    with carrying(user="1"):
        yield
