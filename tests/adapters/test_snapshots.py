"""The account snapshot survives restarts, is replaced by the next one, and goes with the account's keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.tables.snapshots import SnapshotTable
from adapters.vault.vault import Vault
from application.ports.statements import Credentials
from application.ports.stores import AccountSnapshot

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FIRST = AccountSnapshot(AT, {"BTC": Decimal("0.123456789012345678"), "USDT": Decimal("1E+3")})
NEXT = AccountSnapshot(AT + timedelta(minutes=5), {"USDT": Decimal("1000.50")})


@pytest.fixture
def vault(database):
    return Vault(database.store("aristobot_web").pool, database.master)


@pytest.fixture
def snapshots(database, vault):
    for broker, user in ((1, 1), (2, 2)):
        vault.store_credentials(broker, user, Credentials("key", "secret"))
    return SnapshotTable(database.store().pool)


def test_the_newest_look_is_kept_for_each_broker(snapshots):
    assert snapshots.last(1) is None
    snapshots.record(1, FIRST)
    snapshots.record(2, NEXT)
    assert (snapshots.last(1), snapshots.last(2)) == (FIRST, NEXT)
    snapshots.record(1, NEXT)
    assert snapshots.last(1) == NEXT


@pytest.mark.parametrize("end", ["the keys are destroyed", "the person is forgotten"])
def test_nothing_of_it_outlives_the_keys(snapshots, vault, end):
    """A snapshot recorded after the keys are gone is not stored."""
    for broker in (1, 2):
        snapshots.record(broker, FIRST)
    if end == "the person is forgotten":
        vault.forget(1)
    else:
        vault.drop_credentials(1)
    assert snapshots.last(1) is None
    snapshots.record(1, NEXT)
    assert (snapshots.last(1), snapshots.last(2)) == (None, FIRST)
