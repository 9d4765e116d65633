"""Bitget's signature: one text for REST, one for the login of a socket (bitget.com/api-doc/common/signature)."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from hashlib import sha256

from application.ports.statements import Credentials


def sign(text: str, secret: str) -> str:
    """Return the HMAC-SHA256 of a text in base64."""
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), sha256)).decode()


def headers(credentials: Credentials, timestamp: int, method: str, path: str, body: str = "") -> Mapping[str, str]:
    """Return the headers of a signed request. `path` carries its query; `timestamp` is in milliseconds."""
    return {
        "ACCESS-KEY": credentials.key,
        "ACCESS-SIGN": sign(f"{timestamp}{method}{path}{body}", credentials.secret),
        "ACCESS-TIMESTAMP": str(timestamp),
        "ACCESS-PASSPHRASE": credentials.passphrase or "",
        "Content-Type": "application/json",
        "locale": "en-US",
    }


def login(credentials: Credentials, timestamp: int) -> dict[str, str]:
    """Return the arguments of a socket's login. `timestamp` is in seconds, as every client sends it."""
    return {
        "apiKey": credentials.key,
        "passphrase": credentials.passphrase or "",
        "timestamp": str(timestamp),
        "sign": sign(f"{timestamp}GET/user/verify", credentials.secret),
    }
