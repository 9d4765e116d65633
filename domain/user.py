"""A user: one trader, what they prefer and whether the platform may trade for them by itself."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from domain.aggregate import Aggregate, Personal, deterministic_id, event
from domain.refusals import Impossible, Invalid

SHORTEST_NAME, LONGEST_NAME = 3, 20
LANGUAGES = frozenset({"fr", "en"})


class Role(StrEnum):
    """What a user may do beyond trading."""

    ADMIN = "admin"
    TRADER = "trader"


class User(Aggregate):
    """One of at most five traders."""

    @event("Registered")
    def __init__(self, number: int, name: Personal, role: Role) -> None:
        self.number = number
        self.name = name
        self.role = role
        self.language = "fr"
        self.enabled = True
        self.trading_stopped = False

    @staticmethod
    def create_id(number: int) -> UUID:
        """Users are found by their number."""
        return deterministic_id("user", number)

    @classmethod
    def register(cls, number: int, name: str, role: Role) -> User:
        """A new user. Raises `Invalid` for a name that is not 3-20 letters, digits, `.`, `_` or `-`."""
        if not SHORTEST_NAME <= len(name) <= LONGEST_NAME or not all(c.isalnum() or c in "._-" for c in name):
            raise Invalid("a name has 3 to 20 letters, digits, dots or dashes", code="name_invalid", field="username")
        return cls(number, Personal(name), role)

    def log_in(self, address: str) -> None:
        """A session begins. Raises `Impossible` for a disabled account."""
        if not self.enabled:
            raise Impossible("the account is disabled", code="account_disabled")
        self._logged_in(Personal(address))

    def log_out(self) -> None:
        """A session ends by its owner's wish."""
        self._logged_out()

    def change_password(self) -> None:
        """The password was replaced; the secret itself never enters the log."""
        self._password_changed()

    def prefer(self, language: str) -> None:
        """Choose the language of the console."""
        if language not in LANGUAGES:
            raise Invalid(f"language was {language!r}", code="language_unknown", field="language")
        if language != self.language:
            self._preferences_changed(language)

    def stop_trading(self) -> None:
        """No automatic order on any of the user's brokers until trading is resumed."""
        if not self.trading_stopped:
            self._trading_stopped()

    def resume_trading(self) -> None:
        """Automatic orders are allowed again, except on brokers that are stopped themselves."""
        if self.trading_stopped:
            self._trading_resumed()

    @event("LoggedIn")
    def _logged_in(self, address: Personal) -> None:
        pass

    @event("LoggedOut")
    def _logged_out(self) -> None:
        pass

    @event("PasswordChanged")
    def _password_changed(self) -> None:
        pass

    @event("PreferencesChanged")
    def _preferences_changed(self, language: str) -> None:
        self.language = language

    @event("TradingStopped")
    def _trading_stopped(self) -> None:
        self.trading_stopped = True

    @event("TradingResumed")
    def _trading_resumed(self) -> None:
        self.trading_stopped = False
