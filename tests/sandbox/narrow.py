"""The zygote with room for two workers: `python -m tests.sandbox.narrow SOCKET`."""

from __future__ import annotations

import sys

from adapters.sandbox import zygote

if __name__ == "__main__":
    zygote.room = lambda: 2
    zygote.main(sys.argv[1])
