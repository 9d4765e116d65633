"""Rows of Parquet files, by pyarrow, which only those install who need it (`pip install aristobot[parquet]`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path


def rows_of(file: Path) -> tuple[list[str], Iterator[dict[str, str]]]:
    """Return the columns of a file, and its rows with every value as a text. Times without a zone are UTC.

    Raises `ImportError` where pyarrow is not installed, and `OSError` for a file that is no Parquet.
    """
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    try:
        opened = parquet.ParquetFile(file)
    except arrow.ArrowException as error:
        raise OSError(str(error)) from error

    def rows() -> Iterator[dict[str, str]]:
        for batch in opened.iter_batches():
            for row in batch.to_pylist():
                yield {name: _text(value) for name, value in row.items()}

    return list(opened.schema_arrow.names), rows()


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return "" if value is None else str(value)
