"""Logs: one rotating file per terminal; every line carries the id that traces an order through all of them."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path
from typing import Any

import structlog

_MEGABYTES, _BACKUPS = 10, 5


def open_log(home: Path, name: str) -> Any:
    """Open the log of one terminal: `time – name – level – [request_id] – message`, 10 MB per file, five kept."""
    folder = home / "logs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = logging.handlers.RotatingFileHandler(
        folder / f"{name}.log", maxBytes=_MEGABYTES * 1024 * 1024, backupCount=_BACKUPS, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # The servers' access logs would contain query strings, and a webhook's query string contains its token.
    for noisy in ("uvicorn.access", "aiohttp.access", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Anybody may cause its warnings: a request that is none, an unsupported upgrade, a socket that comes and goes.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _line,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    return structlog.get_logger(name)


def _line(logger: Any, _: str, said: Any) -> str:
    time, level = said.pop("timestamp"), said.pop("level").upper()
    request, event, trace = said.pop("request_id", "-"), said.pop("event"), said.pop("exception", "")
    values = " ".join(f"{key}={value}" for key, value in said.items())
    return f"{time} – {logger.name} – {level} – [{request}] – {event} {values}".rstrip() + (
        f"\n{trace}" if trace else ""
    )
