"""Knocking: one alert sent to the webhook door over HTTP, as TradingView would send it."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request


def knock(url: str, body: bytes, seconds: float) -> tuple[int, float]:
    """Post a body to an address that is the platform's own or its owner's.

    Return the door's status and the milliseconds that it took. Raises `OSError` when no door answers within `seconds`.
    """
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - see above
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310 - see above
            status = int(answer.status)
    except urllib.error.HTTPError as error:
        status = error.code
    except http.client.HTTPException as error:
        raise ConnectionError(f"what answers there is no HTTP server: {error!r}") from error
    return status, (time.monotonic() - began) * 1000
