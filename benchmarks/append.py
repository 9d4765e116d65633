"""One-event saves per second at 1, 4 and 8 processes: our recorder, the library's default, and equivalent raw SQL.

Equivalent means the same promise: ordered by a lock, announced by NOTIFY, durable at the answer. Target: 1.5 times the
library.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict
from shared.figures import keep

from adapters.database.migrate import migrate
from adapters.log.eventstore import open_pool
from adapters.log.recorder import Recorder
from adapters.vault.keys import MasterKey
from aristobot.servers.postgres import Postgres

SECONDS = 3.0
PROCESSES = (1, 4, 8)
TARGET = 1.5
STATE = b'{"timestamp":"2026-03-02T09:30:00Z","quantity":"0.0125","price":"64250.10","fee":"0.0000125"}'


def _event() -> StoredEvent:
    return StoredEvent(uuid4(), 1, "Order.Filled", STATE)


def _ours(url: str) -> object:
    recorder = Recorder(open_pool(url, 1))
    return lambda: recorder.insert_events([_event()])


def _library(url: str) -> object:
    known = conninfo_to_dict(url)
    store = PostgresDatastore(
        known["dbname"], known["host"], known["port"], known["user"], known["password"], pool_size=1
    )
    recorder = PostgresApplicationRecorder(store, events_table_name="library_events")
    with psycopg.connect(url, autocommit=True) as one_at_a_time:
        one_at_a_time.execute("SELECT pg_advisory_lock(7)")
        recorder.create_table()
    return lambda: recorder.insert_events([_event()])


def _raw(url: str) -> object:
    connection = psycopg.connect(url, autocommit=True)
    insert = "INSERT INTO raw_events (stream, version, topic, state) VALUES (%s, %s, %s, %s)"

    def save() -> None:
        event = _event()
        with connection.pipeline(), connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(42)", prepare=True)
            connection.execute("NOTIFY raw_events")
            connection.execute(insert, (event.originator_id, 1, event.topic, event.state), prepare=True)

    return save


WAYS = {"ours": _ours, "library": _library, "raw": _raw}


def _work(way: str, url: str, begin: float, counted: multiprocessing.Queue[int]) -> None:
    save = WAYS[way](url)
    time.sleep(max(begin - time.time(), 0))
    count, end = 0, begin + SECONDS
    while time.time() < end:
        save()
        count += 1
    counted.put(count)


def _rate(way: str, url: str, processes: int) -> float:
    counted: multiprocessing.Queue[int] = multiprocessing.Queue()
    begin = time.time() + 1.5
    workers = [multiprocessing.Process(target=_work, args=(way, url, begin, counted)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    total = sum(counted.get() for _ in workers)
    for worker in workers:
        worker.join()
    return total / SECONDS


def main() -> None:
    home, master = Path(tempfile.mkdtemp(prefix="ab-")), MasterKey("benchmark")
    server = Postgres(home, master)
    server.start()
    try:
        migrate(server.url, master)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE raw_events (stream uuid, version bigint, topic text, state bytea,"
                " position bigserial UNIQUE, PRIMARY KEY (stream, version))"
            )
        _library(server.url)
        figures = {way: {n: _rate(way, server.url, n) for n in PROCESSES} for way in WAYS}
    finally:
        server.stop()
    ratios = {n: round(figures["ours"][n] / figures["library"][n], 2) for n in PROCESSES}
    for n in PROCESSES:
        rates = ", ".join(f"{way} {figures[way][n]:.0f}/s" for way in WAYS)
        print(f"append, {n} processes: {rates}; ours / library {ratios[n]} (target {TARGET})")
    met = min(ratios.values()) >= TARGET
    keep("append", figures=figures, ratios=ratios, target=TARGET, met=met)


if __name__ == "__main__":
    main()
