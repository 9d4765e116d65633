"""Secrets appear in no log, no event and no argument, and only in the answers that are meant to show them."""

from __future__ import annotations

from json import dumps, loads
from pathlib import Path
from typing import Any

import httpx
import pytest

from aristobot.terminals import TERMINALS
from web.live.feed import TOPICS


@pytest.fixture(scope="module")
def secrets(platform: Any) -> dict[str, bytes]:
    """Use each secret once rightly and once wrongly, and return the values that must not be seen."""
    body, name = platform.alert()
    platform.post(body)
    platform.order_of(platform.ended(name), "closed")
    platform.post("{")
    platform.post(b"x" * 65 * 1024)
    platform.post(body, platform.told["webhook_url"] + "wrong")
    with httpx.Client(base_url=platform.told["console"], timeout=30) as client:
        password = platform.told["password"]
        assert client.post("/api/session", json={"username": "nobody", "password": password}).status_code == 401
        assert client.post("/api/session", json={"username": "demo", "pass": password}).status_code == 422
        assert password not in platform.log_in(client).values()
        assert client.delete("/api/session").status_code == 204
    account = loads((platform.home / "paper_account.json").read_text())
    return {
        "password": platform.told["password"].encode(),
        "token": platform.told["webhook_url"].partition("token=")[2].encode(),
        "key": account["key"].encode(),
        "secret": account["secret"].encode(),
        "secret key": (platform.home / "secret_key").read_bytes().strip(),
    }


def _seen(secrets: dict[str, bytes], text: bytes) -> list[str]:
    return [name for name, secret in secrets.items() if secret in text]


def test_logs(platform: Any, secrets: dict[str, bytes]) -> None:
    """Neither the terminals' logs nor the output of terminals and servers contain a secret."""
    files = [file for file in (platform.home / "logs").rglob("*") if file.is_file()]
    assert {file.name for file in files} >= {"receiver.log", "web.log", "gateway.log", "postgres.log", "web.out"}
    assert {file.name: seen for file in files if (seen := _seen(secrets, file.read_bytes()))} == {}


def test_events(platform: Any, secrets: dict[str, bytes]) -> None:
    """No event holds a secret. Bodies and addresses are sealed, so an alert's own words cannot be read there either."""
    with platform.database() as connection:
        states = b"\n".join(row[0] for row in connection.execute("SELECT state FROM log.events"))
    assert _seen({**secrets, "body": b"IndicateurName", "address": b"127.0.0.1"}, states) == []


def test_books(platform: Any, secrets: dict[str, bytes]) -> None:
    """No table of the books or of the service holds a secret. The vault alone keeps them, sealed."""
    with platform.database() as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('books', 'service', 'vault')"
        ).fetchall()
        assert {"books", "service", "vault"} == {schema for schema, _ in tables}
        for schema, table in tables:
            rows = repr(connection.execute(f"SELECT t::text FROM {schema}.{table} t").fetchall()).encode()
            in_bytes = {name: secret.hex().encode() for name, secret in secrets.items()}
            assert _seen(secrets, rows) + _seen(in_bytes, rows) == [], f"{schema}.{table}"


def test_a_password_is_dear_to_guess(platform: Any) -> None:
    """It is kept as an Argon2id hash with 64 MiB and three rounds."""
    with platform.database() as connection:
        kept = [row[0] for row in connection.execute("SELECT hash FROM vault.passwords")]
    assert {hashed.rpartition("p=")[0] for hashed in kept} == {"$argon2id$v=19$m=65536,t=3,"}


def test_arguments(platform: Any, secrets: dict[str, bytes]) -> None:
    """Every user of the machine can read a process's arguments."""
    family = platform.family()
    commands = [Path(f"/proc/{pid}/cmdline") for pid in family]
    lines = [file.read_bytes() for file in commands if file.exists()]
    assert sum(b"terminal" in line for line in lines) == len(TERMINALS)
    assert _seen(secrets, b"\n".join(lines)) == []


def test_files_are_private(platform: Any) -> None:
    """Only its owner can read what HOME keeps, whichever process wrote it."""
    files = [file for file in platform.home.rglob("*") if file.is_file()]
    assert {"run.json", "secret_key", "servers.json", "books.sqlite", "web.log", "web.out", "postgres.log"} <= {
        file.name for file in files
    }
    assert [str(file) for file in files if file.stat().st_mode & 0o077] == []
    assert platform.home.stat().st_mode & 0o077 == 0
    assert "password" not in loads((platform.home / "servers.json").read_text())["database"]


def test_answers(platform: Any, secrets: dict[str, bytes]) -> None:
    """Only the answer with the door's address shows the token; no other answer shows any secret."""
    paths = platform.ask("/api/openapi.json")["paths"]
    shown = {path: _seen(secrets, platform.console.get(path).content) for path in paths if "get" in paths[path]}
    assert {path: seen for path, seen in shown.items() if seen} == {"/api/webhooks/url": ["token"]}


def test_the_live_socket(platform: Any, secrets: dict[str, bytes]) -> None:
    """The pushed rows show no secret either."""
    with platform.live() as socket:
        socket.send(dumps({"follow": TOPICS}))
        told = "\n".join(socket.recv(30) for _ in TOPICS)
    assert _seen(secrets, told.encode()) == []
