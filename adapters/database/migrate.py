"""Creation and migration of the database: the only code that runs DDL, as the role that owns the tables."""

from __future__ import annotations

from importlib import resources
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier, Literal

from adapters.log.eventstore import Store, open_pool
from adapters.vault.channels import seal_names
from adapters.vault.keys import MasterKey
from projections.books import rebuild
from projections.books.projector import BOOKS, create, index

OWNER = "aristobot_owner"
ROLES = ("aristobot_writer", "aristobot_projector", "aristobot_web")
TIMEOUTS = {"statement_timeout": "30s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "10s"}
"""The bounds of a terminal's session: on work, on waiting for a lock, on idling within a transaction.

Idle sessions have no limit: those that listen are idle by design.
"""
FOLLOWERS = ("engine", "gateway", "alerts")
"""The followers with a log position of their own. A new one starts at the head, so it does not act on the past."""

STEPS = (
    "log",
    "vault",
    "service",
    "accounts",
    "names",
    "sweeps",
    "trades",
    "open",
    "open_alerts",
    "places",
    "bell",
    "console",
    "invitations",
    "candles",
    "blocks",
    "tokens",
    "followers",
    "shredding",
    "streams",
    "approvals",
    "drafts",
)


def url_for(url: str, role: str, master: MasterKey) -> str:
    """Return the URL of the same database for another role, with that role's password."""
    return make_conninfo(url, user=role, password=master.password_of(role))


def migrate(url: str, master: MasterKey) -> list[str]:
    """Bring the database to this version of the platform and return what was done. A second run does nothing."""
    done: list[str] = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('aristobot migrate'))")
        make_roles(connection, master)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS public.migrations"
            " (name text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
        )
        applied = {row[0] for row in connection.execute("SELECT name FROM public.migrations")}
        for name in STEPS:
            if name not in applied:
                with connection.transaction():
                    connection.execute(_statements(name))
                    connection.execute("INSERT INTO public.migrations (name) VALUES (%s)", (name,))
                done.append(f"made {name}")
        seal_names(connection, master)
        done += _migrate_books(connection, url, master)
        for follower in FOLLOWERS:
            connection.execute(
                "INSERT INTO log.followers SELECT %s, coalesce(max(position), 0) FROM log.events"
                " ON CONFLICT DO NOTHING",
                (follower,),
            )
        grant(connection)
    return done


def _migrate_books(connection: psycopg.Connection[Any], url: str, master: MasterKey) -> list[str]:
    found = connection.execute("SELECT to_regclass('books.position')").fetchone()
    made = found is None or found[0] is None
    if made:
        with connection.transaction():
            create(connection, BOOKS)
            index(connection, BOOKS)
        if not connection.execute("SELECT 1 FROM log.events LIMIT 1").fetchone():
            return ["made the books"]
    if made or rebuild.is_outdated(connection):
        return [f"rebuilt the books up to event {rebuild_books(connection, url, master)}"]
    return []


def rebuild_books(connection: psycopg.Connection[Any], url: str, master: MasterKey) -> int:
    """Rebuild all read models beside the ones in use, swap them, and return the log position reached.

    The table of open streams is rebuilt from the log as well.
    """
    connection.execute("SELECT log.rebuild_open()")
    with open_pool(url) as pool:
        return rebuild.rebuild(connection, Store(pool, master).read, grant)


def verify_books(connection: psycopg.Connection[Any], url: str, master: MasterKey) -> rebuild.Comparison:
    """Compare the read models with a rebuild at the same log position."""
    with open_pool(url) as pool:
        return rebuild.verify(connection, Store(pool, master).read)


def grant(connection: psycopg.Connection[Any]) -> None:
    """Grant each role what it needs and nothing else."""
    connection.execute(_statements("grants"))


def _statements(name: str) -> bytes:
    return resources.files("adapters.database.schema").joinpath(f"{name}.sql").read_bytes()


def make_roles(connection: psycopg.Connection[Any], master: MasterKey) -> None:
    """Create or update the terminals' roles: passwords derived from the master key, and bounds on their sessions."""
    existing = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
    for role in ROLES:
        statement = (
            SQL("ALTER ROLE {} PASSWORD {}") if role in existing else SQL("CREATE ROLE {} LOGIN NOINHERIT PASSWORD {}")
        )
        connection.execute(statement.format(Identifier(role), Literal(master.password_of(role))))
        for name, value in TIMEOUTS.items():
            bounded = SQL("ALTER ROLE {} SET {} = {}").format(Identifier(role), Identifier(name), Literal(value))
            connection.execute(bounded)
