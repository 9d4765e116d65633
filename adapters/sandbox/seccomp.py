"""The filter of system calls that a worker puts on itself, for good: what is not needed to calculate is refused.

Numbers are those of x86-64 (Linux, arch/x86/entry/syscalls/syscall_64.tbl); elsewhere no strategy runs.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

_MACHINE = "x86_64"
_AUDIT_ARCH = 0xC000003E
_FOREIGN_ABI = 0x40000000
"""Numbers from here on are calls of the x32 ABI, which reach the same code by another door."""

ALLOWED = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "munmap": 11, "brk": 12, "rt_sigprocmask": 14,
    "rt_sigreturn": 15, "sched_yield": 24, "mremap": 25, "madvise": 28, "nanosleep": 35, "getpid": 39, "exit": 60,
    "gettimeofday": 96, "sigaltstack": 131, "gettid": 186, "futex": 202, "restart_syscall": 219,
    "clock_gettime": 228, "clock_nanosleep": 230, "exit_group": 231, "getrandom": 318,
}  # fmt: skip
"""Calls that calculating needs. Reading and writing go to the one descriptor that is open."""
WITHOUT_CODE = {"mmap": 9, "mprotect": 10}
"""Calls that are allowed for memory in which no code can run."""
DEADLY = {
    "execve": 59, "ptrace": 101, "add_key": 248, "request_key": 249, "keyctl": 250, "process_vm_readv": 310,
    "process_vm_writev": 311, "bpf": 321, "execveat": 322, "io_uring_setup": 425, "io_uring_enter": 426,
    "io_uring_register": 427,
}  # fmt: skip
"""Calls that nobody makes by accident: they end the worker."""
_ABSENT = {"clone3": 435}
"""Calls that are answered as if the kernel did not know them, so that the C library takes the older one."""

_KILL, _ALLOW, _ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _THIRD_ARGUMENT = 0, 4, 32
"""The places of the call's number, its architecture and its third argument's low half in `struct seccomp_data`."""
_PROT_EXEC = 4
_SECCOMP, _SET_MODE_FILTER = 317, 1


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse_calls() -> None:
    """Refuse all further system calls but those that calculating needs. Raises `OSError` where that is not possible."""
    if platform.machine() != _MACHINE:
        raise OSError(errno.ENOSYS, f"strategies run on {_MACHINE}, not on {platform.machine()}")
    install(program())


def install(code: bytes) -> None:
    """Put a filter on this process, given as the kernel's instructions. Raises `OSError` if it is refused."""
    prepared = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(_SECCOMP, _SET_MODE_FILTER, 0, ctypes.byref(prepared)) != 0:
        raise OSError(ctypes.get_errno(), "the kernel takes no filter of system calls")


def program() -> bytes:
    """Return the filter as instructions of the kernel's machine (struct sock_filter: code, true, false, value)."""
    lines = [
        (_LOAD, 0, 0, _ARCH), (_JUMP_EQUAL, 1, 0, _AUDIT_ARCH), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER), (_JUMP_AT_LEAST, 0, 1, _FOREIGN_ABI), (_RETURN, 0, 0, _KILL),
    ]  # fmt: skip
    for numbers, answer in ((ALLOWED, _ALLOW), (DEADLY, _KILL), (_ABSENT, _ERRNO | errno.ENOSYS)):
        for number in numbers.values():
            lines += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, answer)]
    for number in WITHOUT_CODE.values():
        lines += [
            (_JUMP_EQUAL, 0, 4, number), (_LOAD, 0, 0, _THIRD_ARGUMENT), (_JUMP_SET, 1, 0, _PROT_EXEC),
            (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        ]  # fmt: skip
    lines.append((_RETURN, 0, 0, _ERRNO | errno.EPERM))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
