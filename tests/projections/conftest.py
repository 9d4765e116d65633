"""Fixtures of the books' tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from projections.books.projector import Books
from tests.projections.history import History


@pytest.fixture
def history(database) -> Callable[[int], History]:
    """Return a function that begins a history in the test's database: `history(seed)`."""
    return lambda seed: History(database.store(), seed)


@pytest.fixture
def project(database):
    """Return a function that brings the books up to the head of the log: `project(page)`.

    It has the projector's own role.
    """
    books, store = Books(database.connect("aristobot_projector")), database.store("aristobot_projector")

    def project(page: int = 500) -> Books:
        while books.step(store.read, page)[0]:
            pass
        return books

    return project


@pytest.fixture
def store(database):
    return database.store()


@pytest.fixture
def read(database):
    return database.store("aristobot_projector").read


@pytest.fixture
def books(database):
    return Books(database.connect("aristobot_projector"))
