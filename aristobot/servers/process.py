"""Child processes that never outlive this one, not even after `kill -9`."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import stat
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_CLONE_NEWUSER = 0x10000000
_libc = ctypes.CDLL(None, use_errno=True)


class ServerError(Exception):
    """A server cannot run here; the message says why and what can be done."""


def socket_folder(wanted: Path, longest: int) -> Path:
    """Return the folder for the sockets: `wanted`, unless its path is longer than `longest` bytes.

    Otherwise return a folder among the temporary files, named after `wanted` so that every process finds the same one.
    """
    name = os.fsencode(wanted.absolute())
    if len(name) <= longest:
        return wanted
    return Path(tempfile.gettempdir()) / f"aristobot-{os.getuid()}-{sha256(name).hexdigest()[:16]}"


def make_private(folder: Path, owner: int) -> None:
    """Create a folder that only its owner can enter.

    Raises `ServerError` when an existing one belongs to another user or is open to others.
    """
    if not folder.is_symlink() and not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        os.chown(folder, owner, -1)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) & 0o077:
        raise ServerError(f"{folder} is not a folder of our own: remove it")


def dies_with_parent(with_signal: int, parent: int) -> None:
    """Have the kernel signal this process when its parent ends. Call it in the child, before its program starts.

    The kernel treats the *thread* that forked as the parent: start children from one that lives as long as the
    process. A child whose parent has already ended exits. Its parent id is compared with `parent` and not with 1,
    because the real parent may be PID 1.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, with_signal, 0, 0, 0)
    if os.getppid() not in {parent, 0}:
        os._exit(1)


def keep_memory_private() -> None:
    """Let no other process of this account look into this one, nor any core file hold its secrets.

    It holds for forks too, and not for programs that are started.
    """
    if _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this process cannot be closed to others")


def as_unprivileged(account: str = "nobody") -> tuple[str, Callable[[], None]]:
    """Return how to start a server that refuses to run as root: the mode's name and what the child does first.

    The mode is `plain` when this process is not root. In a user `namespace` the child still owns the same files but
    does not appear as root. Where namespaces are refused, the mode is `account`: the child becomes the user `account`,
    who must be able to reach the files.
    """
    if os.geteuid() != 0:
        return "plain", lambda: None
    entry = pwd.getpwnam(account)
    if _namespaces_work():
        return "namespace", lambda: _enter_namespace(entry.pw_uid, entry.pw_gid)

    def become() -> None:
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)

    return "account", become


def _namespaces_work() -> bool:
    child = os.fork()
    if child == 0:
        try:
            _enter_namespace(65534, 65534)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _enter_namespace(shown_uid: int, shown_gid: int) -> None:
    uid, gid = os.geteuid(), os.getegid()
    if _libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are refused here")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/gid_map").write_text(f"{shown_gid} {gid} 1")
    Path("/proc/self/uid_map").write_text(f"{shown_uid} {uid} 1")


def prepared(first: Callable[[], None], death_signal: int) -> Callable[[], None]:
    """Return what a child does before its program: `first`, then bind its life to this process."""
    parent = os.getpid()

    def prepare() -> None:
        first()
        dies_with_parent(death_signal, parent)  # after any change of user, which would clear the death signal

    return prepare


def start(
    arguments: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    log: IO[bytes] | int,
    death_signal: int = signal.SIGTERM,
    first: Callable[[], None] = lambda: None,
    files: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child that ends with this process; `first` runs in it before its program, which also gets `files`."""
    return subprocess.Popen(
        [os.fspath(a) for a in arguments],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        preexec_fn=prepared(first, death_signal),
        start_new_session=True,
        pass_fds=files,
    )
