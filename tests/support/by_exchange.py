"""Tests that run against several exchanges, by the mark `exchanges`: a conftest imports the hook and the fixture."""

from __future__ import annotations

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test against the exchanges of its nearest mark: Binance, unless the suite or the test says otherwise."""
    if "exchange" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("exchanges")
        metafunc.parametrize("exchange", mark.args if mark else ("binance",), indirect=True)


@pytest.fixture
def exchange(request: pytest.FixtureRequest) -> str:
    """Return the exchange that a test runs against."""
    return str(request.param)
