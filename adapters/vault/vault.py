"""The vault: passwords and exchange credentials, which never enter an event or a log."""

from __future__ import annotations

import secrets
import threading
from hashlib import sha256

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from psycopg.sql import SQL, Identifier
from psycopg_pool import ConnectionPool

from adapters.vault.keys import MasterKey
from application.ports.statements import Credentials
from domain.refusals import Invalid, NotFound

SHORTEST_PASSWORD = 8
SEALED = (
    ("person_keys", "person", "key"),
    ("credentials", "broker", "sealed"),
    ("webhook_tokens", "user_id", "sealed"),
    ("second_factors", "user_id", "sealed"),
    ("channels", "id", "sealed"),
)
"""Everything the master key seals: table, key column and sealed column."""
_COMMON = frozenset({"password", "12345678", "123456789", "qwertyui", "motdepasse", "azertyui", "iloveyou", "11111111"})


class Vault:
    """The secrets in the database, sealed by keys that the database does not have."""

    def __init__(self, pool: ConnectionPool, master: MasterKey) -> None:
        self._pool = pool
        self._master = master
        self._hasher = PasswordHasher()
        self._hashing = threading.Lock()  # one hash takes 64 MB and both cores
        self._nobodys: str | None = None

    # --- passwords ---------------------------------------------------------------------------------------------

    @staticmethod
    def check_password(password: str, name: str) -> None:
        """Raise `Invalid` for a password that is short, common, all digits or like the name."""
        if len(password) < SHORTEST_PASSWORD:
            raise Invalid("a password has at least 8 characters", code="password_short", field="password")
        if password.lower() in _COMMON or password.isdigit():
            raise Invalid("this password is too common", code="password_common", field="password")
        if name.lower() in password.lower() or password.lower() in name.lower():
            raise Invalid("the password is like the name", code="password_like_name", field="password")

    def set_password(self, user: int, password: str) -> None:
        """Store the Argon2id hash of a password."""
        with self._hashing:
            made = self._hasher.hash(password)
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO vault.passwords (user_id, hash) VALUES (%s, %s)"
                " ON CONFLICT (user_id) DO UPDATE SET hash = EXCLUDED.hash, changed_at = clock_timestamp()",
                (user, made),
            )

    def password_matches(self, user: int | None, password: str) -> bool:
        """Return True when the password is right. Takes as long for an unknown user as for a known one."""
        with self._pool.connection() as connection:
            row = connection.execute("SELECT hash FROM vault.passwords WHERE user_id = %s", (user or 0,)).fetchone()
        with self._hashing:
            if self._nobodys is None:  # made for a known user too: the first unknown one takes no longer
                self._nobodys = self._hasher.hash(secrets.token_urlsafe(32))
            try:
                return self._hasher.verify(row[0] if row else self._nobodys, password) and row is not None
            except VerificationError:
                return False

    # --- credentials -------------------------------------------------------------------------------------------

    def store_credentials(self, broker: int, user: int, credentials: Credentials) -> str:
        """Store an account's keys and return a fingerprint of key and secrets, by which the log tells them apart."""
        sealed = self.seal(credentials).encode()
        with self._pool.connection() as connection:
            # Two statements, because the web's role may replace keys but never read them back.
            replaced = connection.execute(
                "UPDATE vault.credentials SET sealed = %s WHERE broker = %s", (sealed, broker)
            )
            if not replaced.rowcount:
                connection.execute(
                    "INSERT INTO vault.credentials (broker, user_id, sealed) VALUES (%s, %s, %s)",
                    (broker, user, sealed),
                )
        said = (credentials.key, credentials.secret, credentials.passphrase or "")
        return sha256("\n".join(said).encode()).hexdigest()[:12]

    def credentials(self, broker: int) -> Credentials:
        """Return the keys of a broker. Raises `NotFound` when it has none."""
        with self._pool.connection() as connection:
            row = connection.execute("SELECT sealed FROM vault.credentials WHERE broker = %s", (broker,)).fetchone()
        if row is None:
            raise NotFound(f"broker {broker} has no credentials")
        return self.unseal(bytes(row[0]).decode())

    def seal(self, credentials: Credentials) -> str:
        """Seal keys so that they may travel to the gateway."""
        plain = {"key": credentials.key, "secret": credentials.secret, "passphrase": credentials.passphrase}
        return self._master.fernet.encrypt(msgspec.json.encode(plain)).decode()

    def unseal(self, sealed: str) -> Credentials:
        """Unseal keys for use."""
        return Credentials(**msgspec.json.decode(self._master.fernet.decrypt(sealed.encode())))

    def drop_credentials(self, broker: int) -> None:
        """Destroy the keys of a broker."""
        with self._pool.connection() as connection:
            connection.execute("DELETE FROM vault.credentials WHERE broker = %s", (broker,))

    # --- being forgotten ---------------------------------------------------------------------------------------

    def forget(self, user: int) -> None:
        """Destroy every secret of a person and the key of their texts; no new key can be made."""
        with self._pool.connection() as connection:
            connection.execute("SELECT vault.forget(%s)", (user,))

    # --- a new master key --------------------------------------------------------------------------------------

    def rotate(self) -> int:
        """Seal everything again under the newest master key and return the number of secrets.

        Needs the owner's connection. Afterwards older keys open nothing and can be removed from the settings.
        """
        count = 0
        with self._pool.connection() as connection, connection.transaction():
            for table, key, column in SEALED:
                query = SQL("SELECT {}, {} FROM {} WHERE {} IS NOT NULL FOR UPDATE")
                names = Identifier(key), Identifier(column), Identifier("vault", table), Identifier(column)
                for row in connection.execute(query.format(*names)).fetchall():
                    sealed = self._master.fernet.rotate(bytes(row[1]))
                    change = SQL("UPDATE {} SET {} = %s WHERE {} = %s")
                    connection.execute(
                        change.format(Identifier("vault", table), Identifier(column), Identifier(key)), (sealed, row[0])
                    )
                    if table == "webhook_tokens":
                        token = self._master.fernet.decrypt(sealed).decode()
                        connection.execute(
                            "UPDATE vault.webhook_tokens SET token_hash = %s WHERE user_id = %s",
                            (self._master.token_hashes(token)[0], row[0]),
                        )
                    count += 1
        return count
