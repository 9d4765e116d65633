"""The sandbox of this platform: the process from which the workers of strategies are forked."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import IO

from adapters.sandbox.sandbox import ENVIRONMENT, zygote_words
from aristobot.servers import process


def start(address: Path, out: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start it at a socket in a folder of its own. It is no fork of ours: it must hold nothing that we do.

    Raises `ServerError` when the folder belongs to somebody else.
    """
    process.make_private(address.parent, os.geteuid())
    return process.start(zygote_words(address), environment=ENVIRONMENT, log=out, death_signal=signal.SIGKILL)
