"""The command line: run, terminals, paper exchange, migration, audit, books, users, backups; see `--help`."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.conninfo import make_conninfo

from adapters.bus import Bus
from adapters.candles.files import NoCandles
from adapters.candles.store import CandleStore
from adapters.database.backup import BackupFailed
from adapters.database.migrate import OWNER, migrate, rebuild_books, url_for, verify_books
from adapters.log import audit
from adapters.log.eventstore import Store, open_pool
from adapters.log.story import story_of
from adapters.paper.replay import replayed
from adapters.vault.keys import MasterKey
from adapters.vault.vault import Vault
from application.strategies.check import MOST_CANDLES
from aristobot.commands import candles, paper, strategies, webhooks
from aristobot.commands.arguments import head, port, speed
from aristobot.commands.backups import Daily, back_up_daily, back_up_now, restore_into
from aristobot.commands.flow import FlowCheck, check
from aristobot.commands.people import COMMANDS, People, add_people, password_from_input
from aristobot.commands.reconcile import compare, is_fine, tell
from aristobot.servers.process import ServerError, keep_memory_private
from aristobot.settings import OTHERS, SettingError, Settings
from aristobot.supervision.fork_server import serve
from aristobot.supervision.liveness import ENDS_WITHIN, stop_on_signal
from aristobot.supervision.logs import open_log
from aristobot.supervision.supervisor import AlreadyRunning, Supervisor
from aristobot.terminals import BACKUP, TERMINALS
from aristobot.wiring import House, utc_now
from domain.candles.columns import Columns
from domain.candles.series import series_of
from domain.refusals import Refused

UNABLE = (
    SettingError, NoCandles, ServerError, AlreadyRunning, TimeoutError, Refused, BackupFailed, OSError,
)  # fmt: skip
"""The errors that a command reports by their message alone, without a traceback."""


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _owner_url(settings: Settings, master: MasterKey) -> str:
    """Return the URL of the database as its owner: the configured one, or the one that runs on this HOME."""
    if settings.database_url is not None:
        return settings.database_url
    file = settings.home / "servers.json"
    if not file.exists():
        settings.need_database()
    return make_conninfo(**json.loads(file.read_text())["database"], password=master.password_of(OWNER))


def _redis_url(settings: Settings) -> str:
    """Return the URL of the bus: the configured one, or the one that runs on this HOME."""
    file = settings.home / "servers.json"
    if settings.redis_url is None and file.exists():
        return str(json.loads(file.read_text())["redis"])
    return settings.need_redis()


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.replay:
        # A bad file is refused here, and not by a child that would be restarted again and again.
        replayed(Path(arguments.replay), "BTC/USDT")
    replay = ["--replay", arguments.replay, "--speed", str(arguments.speed)] if arguments.replay else []
    return Supervisor(settings, replay).run()


def _terminal(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.alive:
        [told] = Bus(settings.need_redis()).terminals((arguments.name,))
        _say(f"{arguments.name} is {told['state']}")
        return 0 if told["state"] == "up" else 1
    terminal = TERMINALS[arguments.name]
    if arguments.source != "primary" and arguments.name != "heartbeat":
        raise SettingError(f"{arguments.name} has no {arguments.source} source: only the heartbeat has one")
    os.environ.setdefault("PGAPPNAME", f"aristobot {arguments.name}")  # by which a database tells who we are
    stopping = stop_on_signal(ENDS_WITHIN)
    log = open_log(settings.home, arguments.name if arguments.source == "primary" else f"{arguments.name}_secondary")
    master = MasterKey(settings.secret_key())
    url = url_for(settings.need_database(), terminal.role, master)
    direct = url_for(settings.database_direct_url or url, terminal.role, master)
    settings = replace(settings, database_url=url, database_direct_url=direct, source=arguments.source)
    house = House(settings, connections=terminal.connections)
    log.info("started")
    try:
        import_module(terminal.module).run(house, log, stopping)
    except Exception:
        log.exception("died")
        raise
    log.info("stopped")
    return 0


def _fork_server(arguments: argparse.Namespace, _: Settings) -> int:
    return serve(socket.socket(fileno=arguments.connection), main)


def _migrate(_: argparse.Namespace, settings: Settings) -> int:
    master = MasterKey(settings.secret_key())
    for line in migrate(_owner_url(settings, master), master) or ["nothing to do"]:
        _say(line)
    return 0


def _story(arguments: argparse.Namespace, url: str, master: MasterKey) -> int:
    """Print every event of one webhook, order or position, with what led to it and what followed."""
    if arguments.id is None:
        raise SettingError("audit show needs the id of a webhook, an order or a position")
    with open_pool(url) as pool:
        chapters = story_of(Store(pool, master), arguments.id)
    for chapter in chapters:
        if arguments.json:
            _say(json.dumps(vars(chapter), default=str))
        else:
            facts = " ".join(f"{name}={value}" for name, value in chapter.facts.items())
            _say(f"{chapter.position} {chapter.at.isoformat()} {chapter.source or '-'} {chapter.topic} {facts}")
    return 0 if chapters else 1


def _audit(arguments: argparse.Namespace, settings: Settings) -> int:
    master = MasterKey(settings.secret_key())
    if arguments.what == "show":
        return _story(arguments, _owner_url(settings, master), master)
    with psycopg.connect(_owner_url(settings, master), autocommit=True) as connection:
        verdict = audit.verify(connection, arguments.head)
        differences = audit.open_differences(connection) + audit.follower_differences(connection)
    if arguments.json:
        told = {"events": verdict.events, "head": verdict.head, "fault": verdict.fault, "open": differences}
        _say(json.dumps(told))
    else:
        _say(verdict.fault or f"{verdict.events} events follow from one another; head {verdict.head}")
        for difference in differences:
            _say(difference)
    return 1 if verdict.fault or differences else 0


def _reconcile(arguments: argparse.Namespace, settings: Settings) -> int:
    master = MasterKey(settings.secret_key())
    with open_pool(_owner_url(settings, master)) as pool:
        runs = compare(Store(pool, master), Bus(_redis_url(settings)), arguments.broker, dry=arguments.dry_run)
    for run in runs:
        if arguments.json:
            _say(json.dumps(run))
        else:
            tell(run, _say)
    return 0 if all(is_fine(run) for run in runs) else 1


def _projections(arguments: argparse.Namespace, settings: Settings) -> int:
    master = MasterKey(settings.secret_key())
    url = _owner_url(settings, master)
    with psycopg.connect(url, autocommit=True) as connection:
        if arguments.what == "rebuild":
            _say(f"rebuilt the books up to event {rebuild_books(connection, url, master)}")
            return 0
        compared = verify_books(connection, url, master)
    for difference in compared.differences:
        _say(difference)
    if not compared.differences:
        _say(f"{compared.rows} rows equal a rebuild at event {compared.position}")
    return 1 if compared.differences else 0


def _user(arguments: argparse.Namespace, settings: Settings) -> int:
    master = MasterKey(settings.secret_key())
    password = password_from_input() if arguments.password_stdin else None
    with open_pool(_owner_url(settings, master)) as pool:
        COMMANDS[arguments.what](People(Store(pool, master), master, settings, _say), arguments.name, password)
    return 0


def _vault(_: argparse.Namespace, settings: Settings) -> int:
    master = MasterKey(settings.secret_key())
    with open_pool(_owner_url(settings, master)) as pool:
        _say(f"sealed {Vault(pool, master).rotate()} secrets by the newest key")
    return 0


def _backup(arguments: argparse.Namespace, settings: Settings) -> int:
    master = MasterKey(settings.secret_key())
    url = _owner_url(settings, master)
    if arguments.daily:
        stopping, log = stop_on_signal(ENDS_WITHIN), open_log(settings.home, BACKUP)
        back_up_daily(Daily(settings, url, master, log), Bus(_redis_url(settings)), stopping)
        return 0
    note = back_up_now(settings, url, arguments.to and Path(arguments.to))
    _say(json.dumps(vars(note)) if arguments.json else f"{note.file}: {note.events} events, head {note.head}")
    return 0


def _restore(arguments: argparse.Namespace, settings: Settings) -> int:
    master = MasterKey(settings.secret_key())
    file = Path(arguments.file).resolve()
    if not file.is_file():
        raise SettingError(f"{file} is no file")
    with Supervisor(settings, []).database() as url:
        restore_into(url, master, file, arguments.head, _say, *settings.backup_places)
    return 0


def _candles(arguments: argparse.Namespace, settings: Settings) -> int:
    master = MasterKey(settings.secret_key())
    with open_pool(_owner_url(settings, master)) as pool:
        return candles.carry_out(arguments, pool, lambda: Bus(_redis_url(settings)), _say)


def _strategy(arguments: argparse.Namespace, settings: Settings) -> int:
    def stored() -> Columns:
        with open_pool(_owner_url(settings, MasterKey(settings.secret_key()))) as pool:
            now, series = utc_now(), series_of(settings.clock)
            return CandleStore(pool, utc_now).newest(series, "1m", int(now.timestamp() * 1000), MOST_CANDLES)

    return strategies.check(arguments, stored, _say)


def _webhook(arguments: argparse.Namespace, settings: Settings) -> int:
    sender = webhooks.Sender.of(arguments, settings)
    if arguments.what != "check":
        return (webhooks.send if arguments.what == "send" else webhooks.replay)(arguments, sender, _say)
    master = MasterKey(settings.secret_key())
    with open_pool(_owner_url(settings, master)) as pool:
        flow = FlowCheck(Store(pool, master), Bus(_redis_url(settings)), sender)
        return check(flow, _say, quick=arguments.quick, as_json=arguments.json)


def _openapi(_: argparse.Namespace, __: Settings) -> int:
    from web.app import create_app  # noqa: PLC0415 - only this command needs the web without a database

    _say(json.dumps(create_app(None).openapi(), indent=2))  # type: ignore[arg-type]
    return 0


Command = Callable[[str, Any, str], argparse.ArgumentParser]
"""Adds a command: its name, the function that carries it out, its help."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="aristobot", description="A private crypto-trading platform.")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, carry_out: Any, says: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=says, description=says)
        added.set_defaults(carry_out=carry_out, of=added)
        return added

    _add_running(command)
    _add_looking(command)
    _add_upkeep(command)
    return parser


def _add_running(command: Command) -> None:
    run = command("run", _run, "start everything and watch over it")
    terminal = command("terminal", _terminal, "start one terminal")
    terminal.add_argument("name", choices=[*TERMINALS])
    terminal.add_argument(
        "--source", choices=["primary", "secondary"], default="primary", help="heartbeat only: its site"
    )
    terminal.add_argument("--alive", action="store_true", help="start nothing: ask whether it shows signs of life")
    forks = command("fork-server", _fork_server, "make terminals for `run`, which starts it")
    forks.add_argument("connection", type=int, help="the number of an open socket")
    alone = command("paper", paper.serve, "start the paper exchange alone")
    alone.add_argument(
        "--port",
        type=port,
        default=9100,
        help="control API; Binance's API is on the next port, Bitget's on the one after",
    )
    alone.add_argument("--books", help="a file that keeps accounts and orders over restarts")
    alone.add_argument("--symbol", default="BTC/USDT", help="the pair that a replayed file moves")
    for able in (run, alone):
        able.add_argument("--replay", help="a CSV of one-minute candles to take the prices from")
        able.add_argument("--speed", type=speed, default=1.0, help="how many times faster than life it is replayed")


def _add_looking(command: Command) -> None:
    audited = command("audit", _audit, "verify that the log was never changed, or show the story of one thing")
    audited.add_argument("what", choices=["verify", "show"])
    audited.add_argument("id", nargs="?", type=UUID, help="show: a webhook, an order or a position")
    audited.add_argument("--head", type=head, help="HASH or POSITION:HASH, as it was written down elsewhere")
    audited.add_argument("--json", action="store_true", help="answer for a machine")
    reconciled = command("reconcile", _reconcile, "compare the orders of brokers with what their exchanges say")
    reconciled.add_argument("--broker", type=int, help="one broker's number; otherwise all of them")
    reconciled.add_argument("--dry-run", action="store_true", help="record nothing, only say what was found")
    reconciled.add_argument("--json", action="store_true", help="answer for a machine, one line per broker")
    projections = command("projections", _projections, "rebuild the read models, or compare them with a rebuild")
    projections.add_argument("what", choices=["rebuild", "verify"])
    stored = command("candles", _candles, "list and verify the stored candles, import a file of them, or load history")
    candles.add_arguments(stored)
    alerts = command("webhook", _webhook, "send alerts as TradingView does, and check the way that they take")
    webhooks.add_arguments(alerts)
    strategies.add_arguments(command("strategy", _strategy, "check the code of a strategy"))
    command("openapi", _openapi, "print the console's API")


def _add_upkeep(command: Command) -> None:
    command("migrate", _migrate, "make or upgrade the database")
    people = command("user", _user, "create, invite, disable, enable and forget users, reset their logins")
    add_people(people)
    vault = command("vault", _vault, "seal every secret by the newest key of ARISTOBOT_SECRET_KEY")
    vault.add_argument("what", choices=["rotate"])
    backup = command("backup", _backup, "dump the whole database")
    backup.add_argument("--to", help="a folder; otherwise `backups` in ARISTOBOT_HOME and the second place")
    backup.add_argument("--daily", action="store_true", help="once a day, until it is stopped")
    backup.add_argument("--json", action="store_true", help="answer for a machine")
    restore = command("restore", _restore, "restore a backup into an empty database and verify it")
    restore.add_argument("file", help="the .dump, with its .json beside it")
    restore.add_argument("--head", type=head, help="HASH or POSITION:HASH, as it was written down elsewhere")


def main(given: list[str] | None = None) -> int:
    """Carry out one command and return its exit code: 0 done, 1 a fault was found, 2 it could not be carried out."""
    os.umask(OTHERS)
    keep_memory_private()
    arguments, unknown = _parser().parse_known_args(given)
    if unknown:
        arguments.of.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        return int(arguments.carry_out(arguments, Settings.read()))
    except (*UNABLE, psycopg.OperationalError, psycopg.errors.InsufficientPrivilege) as error:
        sys.stderr.write(f"aristobot: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
