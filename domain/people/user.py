"""A user: one trader, with preferences, means of authentication, and the permission to trade automatically for them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.aggregate import Aggregate, Personal, deterministic_id, event
from domain.refusals import Impossible, Invalid

SHORTEST_NAME, LONGEST_NAME = 3, 20
COMMAND_LINE = 0
"""The actor's number when there is no login: a person at the machine itself."""
CHOICES = {
    "language": frozenset({"fr", "en"}),
    "time_zone": frozenset({"UTC", "local"}),
    "theme": frozenset({"dark", "light"}),
    "colours": frozenset({"green_up", "red_up", "blue_up"}),
}


class Role(StrEnum):
    """The role of a user: the rights beyond trading."""

    ADMIN = "admin"
    TRADER = "trader"


@dataclass(frozen=True)
class Preferences:
    """The display preferences of the console. Storage is always in UTC, whatever the time zone.

    `colours` names the colour of a rise; a fall has the other colour of the pair (blue is paired with orange).
    """

    language: str = "fr"
    time_zone: str = "UTC"
    theme: str = "dark"
    colours: str = "green_up"

    def check(self) -> None:
        """Raise `Invalid`, naming the field, when a value is not one of its choices."""
        for field, known in CHOICES.items():
            if getattr(self, field) not in known:
                raise Invalid(f"{field} is one of {sorted(known)}", code=f"{field}_unknown", field=field)


def check_name(name: str) -> None:
    """Raise `Invalid` for a name that is not 3-20 letters, digits, `.`, `_` or `-`."""
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
        self.has_chosen = False
        """True once the user has chosen preferences; before that the console speaks the browser's language."""
        self.enabled = True
        self.forgotten = False
        self.second_factor = False
        self.trading_stopped = False
        self.panic: UUID | None = None
        """The panic in force: until it is lifted, everything is sold and nothing is resumed."""
        self.panics: set[UUID] = set()
        """All requests for a panic: none of them begins a second one."""
        self.channels: dict[UUID, str] = {}

    @staticmethod
    def create_id(number: int) -> UUID:
        """Return the id of the user with this number."""
        return deterministic_id("user", number)

    @classmethod
    def register(cls, number: int, name: str, role: Role) -> User:
        """Register a new user. Raises `Invalid` for a name that is not 3-20 letters, digits, `.`, `_` or `-`."""
        check_name(name)
        return cls(number, Personal(name), role)

    def log_in(self, address: str) -> None:
        """Record a login. Raises `Impossible` for a disabled account."""
        if not self.enabled:
            raise Impossible("the account is disabled", code="account_disabled")
        self._logged_in(Personal(address))

    def log_out(self) -> None:
        """Record that the user has ended their session."""
        self._logged_out()

    def change_password(self, by: int) -> None:
        """Record that the password was replaced. The secret itself never enters the log."""
        self._password_changed(by)

    def prefer(self, preferences: Preferences) -> None:
        """Change the display preferences. Raises `Invalid` for a value that is not one of the choices."""
        preferences.check()
        if preferences != self.preferences or not self.has_chosen:
            self._preferences_changed(preferences)

    def stop_trading(self) -> None:
        """Halt automatic trading on all of the user's brokers until it is resumed."""
        if not self.trading_stopped:
            self._trading_stopped()

    def resume_trading(self) -> None:
        """Resume automatic trading, except on brokers that are halted themselves.

        Raises `Impossible` while a panic is in force.
        """
        if self.panic is not None:
            raise Impossible("a panic is in force: lift it first", code="panic_in_force")
        if self.trading_stopped:
            self._trading_resumed()

    def begin_panic(self, request: UUID) -> None:
        """Halt automatic trading, and have everything sold until the panic is lifted. A second one changes nothing.

        Raises `Impossible` for a request that was carried out and lifted since: it has come once more.
        """
        if self.panic is None and request in self.panics:
            raise Impossible("this panic was lifted", code="panic_lifted")
        self.stop_trading()
        if self.panic is None:
            self._panic_begun(request)
        elif request not in self.panics:
            self._panic_joined(request)

    def lift_panic(self) -> None:
        """Sell nothing more. Trading stays halted until it is resumed."""
        if self.panic is not None:
            self._panic_lifted(self.panic)

    # --- the second factor -------------------------------------------------------------------------------------

    def enable_second_factor(self) -> None:
        """Require a code in addition to the password for each login from now on."""
        if not self.second_factor:
            self._second_factor_enabled()

    def disable_second_factor(self, by: int) -> None:
        """Let the password suffice again."""
        if self.second_factor:
            self._second_factor_disabled(by)

    def use_recovery_code(self, left: int) -> None:
        """Record a login by a recovery code, which is now used up; `left` of them remain."""
        self._recovery_code_used(left)

    # --- alert channels ----------------------------------------------------------------------------------------

    def add_channel(self, channel: UUID, service: str) -> None:
        """Add a channel to which alerts are sent. Its address is a secret and lies in the vault."""
        if channel not in self.channels:
            self._channel_added(channel, service)

    def remove_channel(self, channel: UUID) -> None:
        """Remove a channel: alerts are no longer sent there."""
        if channel in self.channels:
            self._channel_removed(channel)

    # --- decisions of an admin ---------------------------------------------------------------------------------

    def disable(self, by: int) -> None:
        """Block logins and automatic orders until the account is enabled again. Raises `Impossible` for the admin."""
        if self.role is Role.ADMIN:
            raise Impossible("the admin's own account stays enabled", code="admin_stays")
        if self.enabled:
            self._disabled(by)

    def enable(self, by: int) -> None:
        """Allow logins again; what was halted stays halted. Raises `Impossible` for a forgotten account."""
        if self.forgotten:
            raise Impossible("a forgotten account has no way back", code="account_forgotten")
        if not self.enabled:
            self._enabled(by)

    def forget(self, by: int) -> None:
        """Forget the user: the account ends and its texts become unreadable. Raises `Impossible` for the admin."""
        if self.role is Role.ADMIN:
            raise Impossible("the admin's own account stays", code="admin_stays")
        if not self.forgotten:
            self._forgotten(self.number, by)

    # --- events ------------------------------------------------------------------------------------------------

    @event("LoggedIn")
    def _logged_in(self, address: Personal) -> None:
        pass

    @event("LoggedOut")
    def _logged_out(self) -> None:
        pass

    class PasswordChanged(Aggregate.Event):
        """A replacement of the password by the user `by` (0 for the command line)."""

        class_version = 2
        by: int

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Set `by` to the user of the event, who alone could replace the password in version 1, or else to 0."""
            state["by"] = int(state["metadata"].get("user") or COMMAND_LINE)

    @event(PasswordChanged)
    def _password_changed(self, by: int) -> None:
        pass

    class PreferencesChanged(Aggregate.Event):
        """A change of the display preferences."""

        class_version = 2
        preferences: Preferences

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Wrap the language, the only choice in version 1, in preferences."""
            state["preferences"] = {"language": state.pop("language")}

    @event(PreferencesChanged)
    def _preferences_changed(self, preferences: Preferences) -> None:
        self.preferences, self.has_chosen = preferences, True

    @event("TradingStopped")
    def _trading_stopped(self) -> None:
        self.trading_stopped = True

    @event("TradingResumed")
    def _trading_resumed(self) -> None:
        self.trading_stopped = False

    @event("PanicBegun")
    def _panic_begun(self, panic: UUID) -> None:
        self.panic = panic
        self.panics.add(panic)

    @event("PanicJoined")
    def _panic_joined(self, request: UUID) -> None:
        self.panics.add(request)

    @event("PanicLifted")
    def _panic_lifted(self, panic: UUID) -> None:
        self.panic = None

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
