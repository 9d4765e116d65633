"""`aristobot` whose processes hang on demand: `python -m tests.faults.hanging run`.

SIGUSR1 makes the main thread of a process sleep for good. Its other threads go on, and it shows signs of life.
"""

from __future__ import annotations

import signal
import sys
import time

from aristobot.__main__ import main
from tests.faults.stepping import supervise

if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(3600))
    if sys.argv[1] == "run":
        supervise(__spec__.name)
    sys.exit(main())
