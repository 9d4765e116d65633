"""Master keys, which seal secrets, and personal keys, which seal the texts that belong to a person."""

from __future__ import annotations

import base64
import hmac
import os
import time
from collections.abc import Callable
from hashlib import sha256

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from psycopg_pool import ConnectionPool

FORGOTTEN = "[forgotten]"
SEAL = "sealed:"
_NONCE = 12


class MasterKey:
    """The source of every derived key: the secrets in `ARISTOBOT_SECRET_KEY`, newest first, separated by commas."""

    def __init__(self, secret: str) -> None:
        secrets = [part.strip().encode() for part in secret.split(",") if part.strip()]
        if not secrets:
            raise ValueError("ARISTOBOT_SECRET_KEY is empty")
        self._secrets = secrets
        self._token_keys = [_derived(secret, b"tokens") for secret in secrets]
        self.fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(s, b"vault"))) for s in secrets])

    def token_hashes(self, token: str) -> list[bytes]:
        """Return the token's hash under each secret, newest first.

        A table stores and finds tokens by such hashes, which are useless to a thief of the table.
        """
        return [hmac.digest(key, token.encode(), sha256) for key in self._token_keys]

    def password_of(self, role: str) -> str:
        """Return the database password of one role."""
        return self.passwords_of(role)[0]

    def password_of_developer(self) -> str:
        """Return the password of the user `dev`, who is logged in without typing, so no person has to know it."""
        return _derived(self._secrets[0], b"user/dev").hex()

    def passwords_of(self, role: str) -> list[str]:
        """Return the password of one role under each secret, newest first."""
        return [_derived(secret, f"role/{role}".encode()).hex() for secret in self._secrets]


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"aristobot/" + purpose).derive(secret)


class KeyRing:
    """One AES-256-GCM key per person, itself sealed by the master key. Destroying it forgets the person."""

    remembered_seconds = 30.0

    def __init__(self, pool: ConnectionPool, master: MasterKey, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._master = master
        self._clock = clock
        self._known: dict[int, tuple[float, AESGCM | None]] = {}

    def seal(self, person: int, text: str) -> str:
        """Seal a text, readable only while the person's key exists. A forgotten person gets no new key."""
        cipher = self._cipher(person) or self._make(person)
        if cipher is None:
            return FORGOTTEN
        nonce = os.urandom(_NONCE)
        return f"{SEAL}{person}:{base64.b64encode(nonce + cipher.encrypt(nonce, text.encode(), None)).decode()}"

    def unseal(self, sealed: str) -> str:
        """Return the sealed text, or `[forgotten]` once the key is gone. Raises `InvalidTag` when it was changed."""
        if not sealed.startswith(SEAL):
            return sealed
        person, _, data = sealed.removeprefix(SEAL).partition(":")
        cipher = self._cipher(int(person))
        if cipher is None:
            return FORGOTTEN
        raw = base64.b64decode(data)
        return cipher.decrypt(raw[:_NONCE], raw[_NONCE:], None).decode()

    def _cipher(self, person: int) -> AESGCM | None:
        known = self._known.get(person)
        if known is not None and self._clock() - known[0] < self.remembered_seconds:
            return known[1]
        with self._pool.connection() as connection:
            row = connection.execute("SELECT key FROM vault.person_keys WHERE person = %s", (person,)).fetchone()
        cipher = AESGCM(self._master.fernet.decrypt(row[0])) if row and row[0] is not None else None
        self._known[person] = (self._clock(), cipher)
        return cipher

    def _make(self, person: int) -> AESGCM | None:
        sealed = self._master.fernet.encrypt(os.urandom(32))
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO vault.person_keys (person, key) VALUES (%s, %s) ON CONFLICT DO NOTHING", (person, sealed)
            )
        self._known.pop(person, None)
        return self._cipher(person)
