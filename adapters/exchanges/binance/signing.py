"""Binance's two canonical strings: REST signs percent-encoded text, the WebSocket API raw text sorted by name."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import quote


def query_string(parameters: Mapping[str, object]) -> str:
    """Return parameters as REST wants them signed: percent-encoded, in the order given."""
    return "&".join(f"{name}={quote(str(value), safe='')}" for name, value in parameters.items())


def sign(payload: str, secret: str) -> str:
    """Return the HMAC-SHA256 of a payload in hexadecimal."""
    return hmac.digest(secret.encode(), payload.encode(), sha256).hex()


def signed_query(parameters: Mapping[str, object], secret: str, body: str = "") -> str:
    """Return the query with its signature at the end. Query and body are signed as one text, with nothing between."""
    query = query_string(parameters)
    return f"{query}&signature={sign(query + body, secret)}"


def signed_parameters(parameters: Mapping[str, object], secret: str) -> dict[str, object]:
    """Return WebSocket API parameters with their signature over the raw text, sorted by name."""
    payload = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    return {**parameters, "signature": sign(payload, secret)}
