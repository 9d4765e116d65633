"""The compose file without an engine: each service's command starts as a plain process with its environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
import yaml

from adapters.database.migrate import OWNER
from adapters.sandbox.sandbox import ENVIRONMENT, Sandbox
from tests.support.ports import neighbours

REPOSITORY = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
TERMINALS = [name for name, service in OURS.items() if service["command"][0] == "terminal"]


def _environment(service: dict, database, valkey, home: Path):
    """Return the service's environment with variables filled in and hosts replaced by the embedded servers."""
    given = {"ARISTOBOT_SECRET_KEY": "compose-secret", "ARISTOBOT_OWNER_PASSWORD": "compose"}
    filled = {
        name: re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda m: given.get(m[1], m[2] or ""), str(value))
        for name, value in service["environment"].items()
    }
    web, door = range(first := neighbours(2), first + 2)
    return {
        **filled,
        "ARISTOBOT_WEB_PORT": str(web),
        "ARISTOBOT_WEBHOOK_PORT": str(door),
        "ARISTOBOT_HOME": str(home),
        "ARISTOBOT_DATABASE_URL": database.url,
        "ARISTOBOT_REDIS_URL": valkey.url,
        "ARISTOBOT_SECRET_KEY": _secret(database),
        "PATH": os.environ["PATH"],
    }


def _watched(service: dict, environment: dict[str, str]) -> int:
    """Return the exit code of the service's own health check."""
    check = [
        word.replace(":8000/", f":{environment['ARISTOBOT_WEB_PORT']}/") for word in service["healthcheck"]["test"]
    ]
    return subprocess.run([sys.executable, *check[2:]], cwd=REPOSITORY, env=environment, check=False).returncode


def _secret(database) -> str:
    return database.master._secrets[0].decode()


@pytest.mark.parametrize("name", TERMINALS)
def test_a_services_command_starts_as_a_plain_process(name, database, valkey, eventually):
    """Each terminal starts in its own role and gives a sign of life under its name in the compose file."""
    import redis

    home = Path(tempfile.mkdtemp(prefix="ab-", dir="/tmp"))
    service = OURS[name]
    client = redis.Redis.from_url(valkey.url, decode_responses=True)
    client.delete(f"terminal_heartbeat:{name}")
    environment = _environment(service, database, valkey, home)
    process = subprocess.Popen(
        [sys.executable, "-m", "aristobot", *service["command"]],
        cwd=REPOSITORY, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        eventually(lambda: client.get(f"terminal_heartbeat:{name}") or process.poll() is not None)
        assert process.poll() is None, process.stderr.read().decode()[-800:]
        eventually(lambda: _watched(service, environment) == 0)  # its sign of life comes before it serves
    finally:
        process.terminate()
        process.wait(30)
        process.stderr.close()
        client.delete(f"terminal_heartbeat:{name}")
        client.close()
        shutil.rmtree(home, ignore_errors=True)
    assert process.returncode == 0
    assert _watched(service, environment) != 0


def test_migrate_runs_first_and_only_it_has_the_owners_password():
    """Every terminal waits for the migration, and none is given the owner's password."""
    for name in TERMINALS:
        assert OURS[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert "PASSWORD" not in str(OURS[name]["environment"])
    assert "aristobot_owner:${ARISTOBOT_OWNER_PASSWORD" in OURS["migrate"]["environment"]["ARISTOBOT_DATABASE_URL"]


def test_the_owner_is_no_superuser(database):
    """The image's superuser runs the script once, and the owner it creates has the attributes of the embedded one."""
    script = COMPOSE["configs"]["owner"]["content"].replace("aristobot_owner", "aristobot_owner_of_compose")
    script = script.replace("${ARISTOBOT_OWNER_PASSWORD:?}", "secret").replace("DATABASE aristobot ", "DATABASE made ")
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE made")
        for statement in script.strip().splitlines():
            connection.execute(statement)
        query = "SELECT rolsuper, rolcreaterole, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname = %s"
        found = [connection.execute(query, (name,)).fetchone() for name in ("aristobot_owner_of_compose", OWNER)]
        connection.execute("DROP DATABASE made")
        connection.execute("DROP ROLE aristobot_owner_of_compose")
    assert found == [(False, True, False, True)] * 2


def test_servers_are_recent_and_watched():
    """PostgreSQL is version 17 or newer, Valkey or Redis 7 or newer, and both have a health check."""
    images = {name: service["image"] for name, service in COMPOSE["services"].items() if "image" in service}
    assert int(images["postgres"].rpartition(":")[2]) >= 17
    assert int(images["redis"].rpartition(":")[2]) >= 7
    assert all("healthcheck" in COMPOSE["services"][name] for name in [*images, *TERMINALS])


def test_every_variable_is_in_the_example():
    """Every variable that compose or the settings read is listed in `.env.example`."""
    listed = set(re.findall(r"^(\w+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE))
    asked = set(re.findall(r"\$\{(\w+)", (REPOSITORY / "docker-compose.yml").read_text()))
    read = set(re.findall(r'"(ARISTOBOT_[A-Z_]+)"', (REPOSITORY / "aristobot" / "settings.py").read_text()))
    assert asked | read <= listed


def test_the_sandbox_has_nothing_to_lose(zygote):
    """It starts with its words and environment alone, and with no data, secret, network or right."""
    service = OURS["sandbox"]
    assert service["environment"] == ENVIRONMENT
    assert service["volumes"] == ["sandbox:/sandbox"]
    assert (service["network_mode"], service["read_only"], service["cap_drop"]) == ("none", True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"depends_on", "env_file", "secrets", "privileged", "cap_add"} & service.keys()
    folder = Path(tempfile.mkdtemp(prefix="ab-", dir="/tmp"))
    words = [sys.executable, *service["entrypoint"][1:], str(folder / "socket")]
    process = subprocess.Popen(words, cwd=folder, env=service["environment"])
    try:
        connected = Sandbox(folder / "socket", 30)
        with connected.worker() as worker:
            assert worker.functions()
        connected.close()
    finally:
        process.kill()
        process.wait()
    web = OURS["web"]
    assert web["environment"]["ARISTOBOT_SANDBOX"] == service["command"][0]
    assert "sandbox:/sandbox" in web["volumes"]
    others = [service for name, service in OURS.items() if name not in {"sandbox", "web"}]
    assert not any("sandbox:/sandbox" in other.get("volumes", []) for other in others)
