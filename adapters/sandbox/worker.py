"""A worker: a process that locks itself, and then answers for the code of one strategy until it is ended."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from adapters.sandbox.frames import Torn, read_frame, to_descriptor, write_frame
from adapters.sandbox.host import Fault, Host, Log
from adapters.sandbox.lines import drawn, functions
from adapters.sandbox.lockdown import lock_down
from application.ports.sandbox import Rows

LONGEST_REQUEST = 4 * 2**20


def work(descriptor: int, worker: int, cpu_seconds: int) -> None:
    """Lock this process, say that it is locked, and answer requests until the application hangs up."""
    read, write = partial(os.read, descriptor), to_descriptor(descriptor)
    try:
        lock_down(worker, cpu_seconds)
    except OSError as error:
        write_frame(write, {"locked": False, "message": str(error)})
        return
    write_frame(write, {"locked": True})
    log = Log()
    answering = Answering(log)
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        while True:
            try:
                asked, rows = read_frame(read, LONGEST_REQUEST)
            except (EOFError, Torn):
                return
            told, lines = answering.answer(asked, rows)
            write_frame(write, {"id": asked["id"], **told, "log": log.taken()}, lines)


class Answering:
    """The answers of one worker: loads code once, and asks it afterwards."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._host: Host | None = None

    def answer(self, asked: Mapping[str, Any], rows: Rows) -> tuple[dict[str, Any], Rows]:
        """Return a decision or a fault, nothing once code is loaded; and the lines that were asked for."""
        try:
            return self._answer(asked, rows)
        except Fault as fault:
            return _told(fault.kind, fault.message, fault.line, fault.traceback), {}
        except MemoryError:
            return _told("memory", "there was not enough memory"), {}

    def _answer(self, asked: Mapping[str, Any], rows: Rows) -> tuple[dict[str, Any], Rows]:
        if "code" in asked:
            self._host = Host(asked["code"], self._log)
            return {}, {}
        if "indicator" in asked:
            return {}, drawn(rows["close"], asked["indicator"], asked["numbers"], asked["names"])
        if "functions" in asked:
            return {"functions": functions()}, {}
        if self._host is None:
            return _told("not_loaded", "no code was loaded"), {}
        decision, lines = self._host.decide(rows, asked["balance"], asked["position"], lines=asked["lines"])
        return {"decision": decision}, lines


def _told(kind: str, message: str, line: int | None = None, traceback: str = "") -> dict[str, Any]:
    return {"fault": {"kind": kind, "message": message, "line": line, "traceback": traceback}}
