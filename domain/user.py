"""A user: one trader, what they prefer, how they prove who they are, and whether the platform may trade for them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.aggregate import Aggregate, Personal, deterministic_id, event
from domain.refusals import Impossible, Invalid

SHORTEST_NAME, LONGEST_NAME = 3, 20
COMMAND_LINE = 0
"""Who acts when nobody is logged in: a person at the machine itself."""
CHOICES = {
    "language": frozenset({"fr", "en"}),
    "time_zone": frozenset({"UTC", "local"}),
    "theme": frozenset({"dark", "light"}),
    "colours": frozenset({"green_up", "red_up", "blue_up"}),
}


class Role(StrEnum):
    """What a user may do beyond trading."""

    ADMIN = "admin"
    TRADER = "trader"


@dataclass(frozen=True)
class Preferences:
    """How the console shows things; storage is always UTC, whatever the time zone.

    `colours` names which colour a rise has; a fall has the other of its pair (blue is paired with orange).
    """

    language: str = "fr"
    time_zone: str = "UTC"
    theme: str = "dark"
    colours: str = "green_up"

    def check(self) -> None:
        """Raises `Invalid` naming the field that has no such choice."""
        for field, known in CHOICES.items():
            if getattr(self, field) not in known:
                raise Invalid(f"{field} is one of {sorted(known)}", code=f"{field}_unknown", field=field)


def check_name(name: str) -> None:
    """Raises `Invalid` for a name that is not 3-20 letters, digits, `.`, `_` or `-`."""
    if not SHORTEST_NAME <= len(name) <= LONGEST_NAME or not all(c.isalnum() or c in "._-" for c in name):
        raise Invalid("a name has 3 to 20 letters, digits, dots or dashes", code="name_invalid", field="username")


class User(Aggregate):
    """One of at most five traders."""

    @event("Registered")
    def __init__(self, number: int, name: Personal, role: Role) -> None:
        self.number = number
        self.name = name
        self.role = role
        self.preferences = Preferences()
        self.enabled = True
        self.forgotten = False
        self.second_factor = False
        self.trading_stopped = False
        self.channels: dict[UUID, str] = {}

    @staticmethod
    def create_id(number: int) -> UUID:
        """Users are found by their number."""
        return deterministic_id("user", number)

    @classmethod
    def register(cls, number: int, name: str, role: Role) -> User:
        """A new user. Raises `Invalid` for a name that is not 3-20 letters, digits, `.`, `_` or `-`."""
        check_name(name)
        return cls(number, Personal(name), role)

    def log_in(self, address: str) -> None:
        """A session begins. Raises `Impossible` for a disabled account."""
        if not self.enabled:
            raise Impossible("the account is disabled", code="account_disabled")
        self._logged_in(Personal(address))

    def log_out(self) -> None:
        """A session ends by its owner's wish."""
        self._logged_out()

    def change_password(self, by: int) -> None:
        """The password was replaced; the secret itself never enters the log."""
        self._password_changed(by)

    def prefer(self, preferences: Preferences) -> None:
        """Choose how the console shows things. Raises `Invalid`."""
        preferences.check()
        if preferences != self.preferences:
            self._preferences_changed(preferences)

    def stop_trading(self) -> None:
        """No automatic order on any of the user's brokers until trading is resumed."""
        if not self.trading_stopped:
            self._trading_stopped()

    def resume_trading(self) -> None:
        """Automatic orders are allowed again, except on brokers that are stopped themselves."""
        if self.trading_stopped:
            self._trading_resumed()

    # --- the second factor -------------------------------------------------------------------------------------

    def enable_second_factor(self) -> None:
        """From now on a login needs a code besides the password."""
        if not self.second_factor:
            self._second_factor_enabled()

    def disable_second_factor(self, by: int) -> None:
        """The password is enough again."""
        if self.second_factor:
            self._second_factor_disabled(by)

    def use_recovery_code(self, left: int) -> None:
        """A login was proven by a recovery code, which is worth nothing any more; `left` of them remain."""
        self._recovery_code_used(left)

    # --- where alerts go ---------------------------------------------------------------------------------------

    def add_channel(self, channel: UUID, service: str) -> None:
        """Alerts are sent there too; the address, which is a secret, is in the vault."""
        if channel not in self.channels:
            self._channel_added(channel, service)

    def remove_channel(self, channel: UUID) -> None:
        """Alerts are no longer sent there."""
        if channel in self.channels:
            self._channel_removed(channel)

    # --- what an admin decides ---------------------------------------------------------------------------------

    def disable(self, by: int) -> None:
        """No login and no automatic order until enabled again. Raises `Impossible` for the admin."""
        if self.role is Role.ADMIN:
            raise Impossible("the admin's own account stays enabled", code="admin_stays")
        if self.enabled:
            self._disabled(by)

    def enable(self, by: int) -> None:
        """Logins are possible again; what was stopped stays stopped."""
        if self.forgotten:
            raise Impossible("a forgotten account has no way back", code="account_forgotten")
        if not self.enabled:
            self._enabled(by)

    def forget(self, by: int) -> None:
        """The account ends and its texts become unreadable. Raises `Impossible` for the admin."""
        if self.role is Role.ADMIN:
            raise Impossible("the admin's own account stays", code="admin_stays")
        if not self.forgotten:
            self._forgotten(self.number, by)

    # --- what the facts do to the state ------------------------------------------------------------------------

    @event("LoggedIn")
    def _logged_in(self, address: Personal) -> None:
        pass

    @event("LoggedOut")
    def _logged_out(self) -> None:
        pass

    class PasswordChanged(Aggregate.Event):
        """Somebody (`by`, 0 for the command line) replaced the password."""

        class_version = 2
        by: int

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """It was the user alone who could."""
            state["by"] = int(state["metadata"].get("user") or COMMAND_LINE)

    @event(PasswordChanged)
    def _password_changed(self, by: int) -> None:
        pass

    class PreferencesChanged(Aggregate.Event):
        """How the console shows things from now on."""

        class_version = 2
        preferences: Preferences

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Only the language could be chosen."""
            state["preferences"] = {"language": state.pop("language")}

    @event(PreferencesChanged)
    def _preferences_changed(self, preferences: Preferences) -> None:
        self.preferences = preferences

    @event("TradingStopped")
    def _trading_stopped(self) -> None:
        self.trading_stopped = True

    @event("TradingResumed")
    def _trading_resumed(self) -> None:
        self.trading_stopped = False

    @event("SecondFactorEnabled")
    def _second_factor_enabled(self) -> None:
        self.second_factor = True

    @event("SecondFactorDisabled")
    def _second_factor_disabled(self, by: int) -> None:
        self.second_factor = False

    @event("RecoveryCodeUsed")
    def _recovery_code_used(self, left: int) -> None:
        pass

    @event("ChannelAdded")
    def _channel_added(self, channel: UUID, service: str) -> None:
        self.channels[channel] = service

    @event("ChannelRemoved")
    def _channel_removed(self, channel: UUID) -> None:
        del self.channels[channel]

    @event("Disabled")
    def _disabled(self, by: int) -> None:
        self.enabled = False

    @event("Enabled")
    def _enabled(self, by: int) -> None:
        self.enabled = True

    @event("Forgotten")
    def _forgotten(self, number: int, by: int) -> None:
        self.forgotten, self.enabled, self.trading_stopped = True, False, True
