"""The lock-down: what a worker takes from itself before it meets a strategy. None of it can be given back.

Files: none can be opened (Landlock, and the filter of system calls). Accounts: none that owns a thing. Memory, time and
descriptors are bounded. Calls of the kernel: those that calculating needs. Where the kernel refuses a part of this, no
strategy runs.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
from pathlib import Path

from adapters.sandbox.seccomp import refuse_calls

MEMORY = 256 * 2**20
"""Bytes that a worker may take beyond what it has when it is locked."""
DESCRIPTORS = 16
FIRST_ACCOUNT, ACCOUNTS = 62_000, 3_000
"""As root each worker has an account of its own out of these, which no system gives to people or services."""
MOST_KILLABLE = 1000

_PDEATHSIG, _DUMPABLE, _NO_NEW_PRIVS = 1, 4, 38
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_GET_VERSION = 1
_ACCESS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""The number of kinds of access to files that each version of Landlock knows."""
_NET_SINCE, _NET = 4, 0b11
_SCOPES_SINCE, _SCOPES = 6, 0b11
_libc = ctypes.CDLL(None, use_errno=True)


def make_killable() -> None:
    """Let the kernel take this process first when memory runs out, so that it takes no terminal."""
    Path("/proc/self/oom_score_adj").write_text(str(MOST_KILLABLE))


def lock_down(worker: int, cpu_seconds: int) -> None:
    """Lock this process, the worker of this number. Raises `OSError` when the kernel refuses a part of it."""
    memory = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + MEMORY
    _prctl(_NO_NEW_PRIVS, 1)
    _close_files()
    if os.geteuid() == 0:
        account = FIRST_ACCOUNT + worker % ACCOUNTS
        os.setgroups([])
        os.setresgid(account, account, account)
        os.setresuid(account, account, account)
    for kind, most in (
        (resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, DESCRIPTORS),
        (resource.RLIMIT_NPROC, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_CPU, cpu_seconds),
    ):  # fmt: skip
        resource.setrlimit(kind, (most, most))
    _prctl(_PDEATHSIG, signal.SIGKILL)  # after the change of account, which clears it
    _prctl(_DUMPABLE, 0)
    refuse_calls()


def _close_files() -> None:
    """Let nothing of the file system, the network's ports or other processes' signals be reached (landlock(7))."""
    version = _libc.syscall(_CREATE_RULESET, None, 0, _GET_VERSION)
    if version < 1:
        raise OSError(ctypes.get_errno(), "the kernel has no Landlock")
    files = (1 << _ACCESS.get(version, _ACCESS[max(_ACCESS)])) - 1
    net, scopes = (_NET if version >= _NET_SINCE else 0), (_SCOPES if version >= _SCOPES_SINCE else 0)
    rules = struct.pack("=QQQ", files, net, scopes)
    ruleset = _libc.syscall(_CREATE_RULESET, rules, len(rules) if version >= _SCOPES_SINCE else 8 * (1 + bool(net)), 0)
    if ruleset < 0 or _libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "Landlock refuses")
    os.close(ruleset)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} is refused")
