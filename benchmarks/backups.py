"""A backup of 35,000 events, and its restore with the books rebuilt and everything verified.

The commands run as a person types them, on a server of their own. Targets: the backup within 20 s; the restore, which
reads the whole log against its hashes and rebuilds the books, within 60 s together with `projections verify`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from shared.figures import keep
from shared.flows import fill

from adapters.database.migrate import migrate
from adapters.vault.keys import MasterKey
from aristobot.servers.postgres import Postgres

SECRET = "the secret of the benchmark"
BACKUP_TARGET, RESTORE_TARGET = 20.0, 60.0


def _command(home: Path, url: str, *arguments: str) -> float:
    """Run a command on a database, and return the seconds that it took."""
    environment = os.environ | {
        "ARISTOBOT_HOME": str(home),
        "ARISTOBOT_SECRET_KEY": SECRET,
        "ARISTOBOT_DATABASE_URL": url,
    }
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "aristobot", *arguments], env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=35_000, help="events in the log")
    given = parser.parse_args()
    home, master, servers = Path(tempfile.mkdtemp(prefix="ab-")), MasterKey(SECRET), list[Postgres]()
    home.chmod(0o755)
    try:
        for name in ("first", "second"):
            (home / name).mkdir(mode=0o755)
            servers.append(Postgres(home / name, master))
            servers[-1].start()
        full, empty = (server.url for server in servers)
        migrate(full, master)
        events = fill(full, master, given.count)
        _command(home, full, "projections", "rebuild")
        backup = _command(home, full, "backup", "--to", str(home / "kept"))
        [dump] = (home / "kept").glob("*.dump")
        megabytes = dump.stat().st_size / 1e6
        restore = _command(home, empty, "restore", str(dump))
        verify = _command(home, empty, "projections", "verify")
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(home, ignore_errors=True)
    met = backup < BACKUP_TARGET and restore + verify < RESTORE_TARGET
    print(
        f"{events} events: backup {backup:.1f} s ({megabytes:.1f} MB, target {BACKUP_TARGET:.0f} s), restore with"
        f" rebuild {restore:.1f} s and verify {verify:.1f} s (target {RESTORE_TARGET:.0f} s together);"
        f" {'met' if met else 'missed'}"
    )
    keep("backups", events=events, backup_s=backup, megabytes=megabytes, restore_s=restore, verify_s=verify, met=met)


if __name__ == "__main__":
    main()
