"""The second factor: codes from an authenticator (TOTP, RFC 6238), and recovery codes in case it is lost."""

from __future__ import annotations

import hmac
import io
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pyotp
import segno
from psycopg_pool import ConnectionPool

from adapters.vault.keys import MasterKey
from domain.refusals import Impossible, Invalid

STEP_SECONDS = 30
RECOVERY_CODES = 10
ISSUER = "Aristobot"


def _hash_of(secret: str, code: str) -> bytes:
    """Return the hash of a recovery code, keyed by the user's own secret.

    The secret is sealed again under a new master key, so recovery codes survive a change of master key.
    """
    return hmac.digest(secret.encode(), code.encode(), sha256)


def _wrong() -> Invalid:
    return Invalid("this code is wrong or was used before", code="second_factor_wrong", field="code")


class SecondFactorTable:
    """The table of second factors: secrets sealed by the master key, and only keyed hashes of recovery codes."""

    def __init__(self, pool: ConnectionPool, master: MasterKey, clock: Callable[[], float] = time.time) -> None:
        self._pool = pool
        self._master = master
        self._clock = clock

    def begin(self, user: int) -> str:
        """Make a new secret, to be confirmed by its first code. Raises `Impossible` while one is confirmed."""
        secret = pyotp.random_base32()
        with self._pool.connection() as connection:
            begun = connection.execute(
                "INSERT INTO vault.second_factors (user_id, sealed) VALUES (%s, %s)"
                " ON CONFLICT (user_id) DO UPDATE SET sealed = EXCLUDED.sealed, last_step = 0"
                " WHERE NOT second_factors.confirmed",
                (user, self._master.fernet.encrypt(secret.encode())),
            )
        if not begun.rowcount:
            raise Impossible("the second factor is on already", code="second_factor_on")
        return secret

    def confirm(self, user: int, code: str) -> list[str]:
        """Confirm the secret by a code and return ten recovery codes, each valid for one login.

        Raises `Invalid` for a wrong code.
        """
        self._check(user, code, confirmed=False)
        codes = [f"{secrets.token_hex(4)}-{secrets.token_hex(4)}" for _ in range(RECOVERY_CODES)]
        with self._pool.connection() as connection:
            secret = self._secret_of(connection, user, confirmed=False)
            hashes = [_hash_of(secret, said) for said in codes]
            connection.execute(
                "UPDATE vault.second_factors SET confirmed = true, recovery = %s WHERE user_id = %s", (hashes, user)
            )
        return codes

    def prove(self, user: int, code: str) -> int | None:
        """Check a code and, if it is a recovery code, use it up and return how many are left.

        Raises `Invalid` for a wrong or repeated code.
        """
        said = code.strip().replace(" ", "")
        if said.isdigit():
            self._check(user, said, confirmed=True)
            return None
        with self._pool.connection() as connection:
            hashed = _hash_of(self._secret_of(connection, user, confirmed=True), said.lower())
            row = connection.execute(
                "UPDATE vault.second_factors SET recovery = array_remove(recovery, %(hash)s)"
                " WHERE user_id = %(user)s AND confirmed AND %(hash)s = ANY(recovery) RETURNING cardinality(recovery)",
                {"user": user, "hash": hashed},
            ).fetchone()
        if row is None:
            raise _wrong()
        return int(row[0])

    def drop(self, user: int) -> None:
        """Destroy the secret and the recovery codes."""
        with self._pool.connection() as connection:
            connection.execute("DELETE FROM vault.second_factors WHERE user_id = %s", (user,))

    def _secret_of(self, connection: Any, user: int, *, confirmed: bool) -> str:
        row = connection.execute(
            "SELECT sealed FROM vault.second_factors WHERE user_id = %s AND confirmed = %s", (user, confirmed)
        ).fetchone()
        if row is None:
            raise _wrong()
        return self._master.fernet.decrypt(bytes(row[0])).decode()

    def _check(self, user: int, code: str, *, confirmed: bool) -> None:
        """Check a code, valid once, in its own half minute and the ones before and after it (RFC 6238, 5.2).

        Spaces are ignored, because authenticators show a code with one in the middle. Raises `Invalid`.
        """
        code = code.replace(" ", "")
        with self._pool.connection() as connection, connection.transaction():
            row = connection.execute(
                "SELECT sealed, last_step FROM vault.second_factors WHERE user_id = %s AND confirmed = %s FOR UPDATE",
                (user, confirmed),
            ).fetchone()
            if row is None:
                raise _wrong()
            totp = pyotp.TOTP(self._master.fernet.decrypt(bytes(row[0])).decode())
            now = int(self._clock()) // STEP_SECONDS
            matching = [
                step
                for step in (now - 1, now, now + 1)
                if pyotp.utils.strings_equal(code, totp.at(step * STEP_SECONDS))
            ]
            fresh = [step for step in matching if step > row[1]]
            if not fresh:
                raise _wrong()
            connection.execute("UPDATE vault.second_factors SET last_step = %s WHERE user_id = %s", (max(fresh), user))


def begun_factor(table: SecondFactorTable, user: int, name: str) -> dict[str, str]:
    """Make a new secret and return it in the forms an authenticator takes: as text, as address, as picture."""
    secret = table.begin(user)
    address = address_of(secret, name)
    return {"secret": secret, "address": address, "picture": picture_of(address)}


def address_of(secret: str, name: str) -> str:
    """Return the address that an authenticator reads: `otpauth://totp/…`."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def picture_of(address: str) -> str:
    """Return the address as a QR code, an SVG for an `img`."""
    drawn = io.BytesIO()
    segno.make(address, error="m").save(drawn, kind="svg", scale=5, border=2, dark="#0b0e14", light="#ffffff")
    return drawn.getvalue().decode()
