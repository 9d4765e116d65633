"""The zygote whose workers lock nothing, which shows that the attacks are real: `python -m tests.sandbox.unlocked`."""

from __future__ import annotations

import os
import sys

import psycopg  # noqa: F401 - the zygote itself loads nothing that holds secrets

from adapters.sandbox import worker, zygote

if __name__ == "__main__":
    worker.lock_down = lambda *_: None
    os.closerange = lambda *_: None  # type: ignore[assignment]
    os.environ["PATH"] = os.defpath
    zygote.main(sys.argv[1])
