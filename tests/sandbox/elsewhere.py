"""The zygote as it runs elsewhere: `python -m tests.sandbox.elsewhere user|container SOCKET`.

As `user` it is no root, and has no rights at all. As in a `container` it is that, under the calls of the kernel that
Docker refuses by default (docs.docker.com, "Seccomp security profiles for Docker").
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

from adapters.sandbox import seccomp, zygote

ACCOUNT = 61_234
REFUSED = {
    "acct": 163, "add_key": 248, "bpf": 321, "clock_adjtime": 305, "clock_settime": 227, "delete_module": 176,
    "finit_module": 313, "get_mempolicy": 239, "init_module": 175, "ioperm": 173, "iopl": 172, "kcmp": 312,
    "kexec_file_load": 320, "kexec_load": 246, "keyctl": 250, "mbind": 237, "mount": 165, "move_pages": 279,
    "nfsservctl": 180, "open_by_handle_at": 304, "perf_event_open": 298, "pivot_root": 155, "process_vm_readv": 310,
    "process_vm_writev": 311, "quotactl": 179, "reboot": 169, "request_key": 249, "set_mempolicy": 238, "setns": 308,
    "settimeofday": 164, "swapoff": 168, "swapon": 167, "sysfs": 139, "umount2": 166, "unshare": 272, "uselib": 134,
    "userfaultfd": 323, "ustat": 136, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
}  # fmt: skip
_PR_SET_NO_NEW_PRIVS = 38


def refuse_as_docker() -> None:
    """Answer the calls that Docker refuses with EPERM, and allow all others."""
    load, equal, give = 0x20, 0x15, 0x06
    lines = [(load, 0, 0, 0)]
    for number in REFUSED.values():
        lines += [(equal, 0, 1, number), (give, 0, 0, 0x00050000 | errno.EPERM)]
    lines.append((give, 0, 0, 0x7FFF0000))
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    seccomp.install(b"".join(struct.pack("=HBBI", *line) for line in lines))


if __name__ == "__main__":
    mode, address = sys.argv[1:]
    make_killable = zygote.make_killable

    def leave_root() -> None:
        """Become an account without rights, as late as possible: it need not read what was imported."""
        os.setgroups([])
        os.setresgid(ACCOUNT, ACCOUNT, ACCOUNT)
        os.setresuid(ACCOUNT, ACCOUNT, ACCOUNT)
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # dumpable, as a process is that never was root
        make_killable()
        if mode == "container":
            refuse_as_docker()

    zygote.make_killable = leave_root
    zygote.main(address)
