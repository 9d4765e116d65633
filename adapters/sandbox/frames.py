"""Frames: what goes between the application and a worker, as JSON followed by numbers. Nothing is ever unpickled.

A frame is the length of its JSON and that of its numbers (32 bits each, little-endian), then both. The numbers are rows
of 64-bit floats, one for each name in `rows`.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from application.ports.sandbox import Rows

_HEAD = struct.Struct("<II")


class Torn(Exception):
    """A frame that ends too early, is too long, or says something that no frame says."""


def write_frame(write: Callable[[bytes], object], told: Mapping[str, Any], rows: Rows | None = None) -> None:
    """Write a frame. All rows have the same length."""
    rows = rows or {}
    numbers = b"".join(np.ascontiguousarray(row, "<f8").tobytes() for row in rows.values())
    text = json.dumps({**told, "rows": [*rows]} if rows else told).encode()
    write(_HEAD.pack(len(text), len(numbers)) + text + numbers)


def read_frame(read: Callable[[int], bytes], longest: int) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """Read a frame of at most so many bytes. Raises `EOFError` when there is none, `Torn` for anything but a frame."""
    head = _exactly(read, _HEAD.size)
    if not head:
        raise EOFError
    if len(head) < _HEAD.size:
        raise Torn("a frame without a head")
    text_length, numbers_length = _HEAD.unpack(head)
    if text_length + numbers_length > longest:
        raise Torn(f"a frame of {text_length + numbers_length} bytes")
    text, numbers = _exactly(read, text_length), _exactly(read, numbers_length)
    if (len(text), len(numbers)) != (text_length, numbers_length):
        raise Torn("half a frame")
    try:
        told = json.loads(text)
        names = told.pop("rows", []) if isinstance(told, dict) else None
        if names is None or len({*names}) < len(names) or (len(numbers) % 8 if names else numbers):
            raise Torn("no frame")
        rows = np.frombuffer(numbers, "<f8").reshape(len(names), -1) if names else ()
        return told, dict(zip(names, rows, strict=True))
    except (ValueError, TypeError, RecursionError) as error:
        raise Torn(f"no frame: {type(error).__name__}") from None


def _exactly(read: Callable[[int], bytes], length: int) -> bytes:
    parts, left = [], length
    while left and (part := read(min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def to_descriptor(descriptor: int) -> Callable[[bytes], None]:
    """Return a function that writes all bytes to a descriptor."""

    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    return write
