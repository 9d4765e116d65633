"""The `aristobot user` commands: the management of user accounts at the machine itself."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Callable

from adapters.log.eventstore import Store
from adapters.tables.debug_mode import DebugMode
from adapters.vault.invitations import Invitations
from adapters.vault.keys import MasterKey
from adapters.vault.second_factor import SecondFactorTable
from adapters.vault.tombstones import bury
from adapters.vault.vault import Vault
from application.people import users
from aristobot.settings import SettingError, Settings
from domain.people.user import COMMAND_LINE, User
from web.access import cookies as sessions

DEVELOPER = "dev"
Say = Callable[[str], None]


class People:
    """The user accounts, managed as the database's owner."""

    def __init__(self, store: Store, master: MasterKey, settings: Settings, say: Say) -> None:
        self._store = store
        self._vault = Vault(store.pool, master)
        self._master = master
        self._settings = settings
        self._say = say

    def initialise(self, _: str | None, password: str | None) -> None:
        """Create `admin` when there is no user at all, and `dev` when it is missing."""
        registry = users.registry_of(self._store)
        if not registry.users:
            chosen = password or secrets.token_urlsafe(12)
            users.register(self._store, self._vault, "admin", chosen)
            self._say(f"Created user admin, password {chosen}" if password is None else "Created user admin")
        if users.registry_of(self._store).user_named(DEVELOPER) is None:
            debug = DebugMode(self._store.pool, allowed=True, password=self._master.password_of_developer())
            users.register(self._store, self._vault, DEVELOPER, debug.password)
            self._say(f"Created user {DEVELOPER} (development mode)")

    def list(self, _: str | None, __: str | None) -> None:
        """Print all users."""
        self._say("number name role state login")
        for number in sorted(users.registry_of(self._store).users):
            user = users.user_of(self._store, number)
            state = "enabled" if user.enabled else "disabled"
            factor = "two-factor" if user.second_factor else "password"
            self._say(f"{number} {user.name} {user.role} {state} {factor}")

    def invite(self, _: str | None, __: str | None) -> None:
        """Print a code that lets one person create an account within a week, even the first one."""
        code = Invitations(self._store.pool, self._master).make(COMMAND_LINE)
        self._say(f"{code}   (single-use code for a new account, valid 7 days)")

    def reset_password(self, name: str | None, password: str | None) -> None:
        """Set a new password, from standard input or generated, and end every session of the user."""
        user = self._named(name)
        chosen = password or secrets.token_urlsafe(12)
        users.change_password(self._store, self._vault, user.number, chosen, COMMAND_LINE)
        sessions.end_all(self._store.pool, user.number)
        self._say(f"{user.name} has a new password" + ("" if password else f": {chosen}"))

    def reset_second_factor(self, name: str | None, _: str | None) -> None:
        """Remove the second factor, so that the password is enough again."""
        user = self._named(name)
        factors = SecondFactorTable(self._store.pool, self._master)
        users.drop_second_factor(self._store, factors, user.number, COMMAND_LINE)
        self._say(f"{user.name} logs in by password only")

    def disable(self, name: str | None, _: str | None) -> None:
        """Disable a user: no login and no automatic order."""
        user = self._named(name)
        users.switch_account(self._store, user.number, enabled=False, by=COMMAND_LINE)
        sessions.end_all(self._store.pool, user.number)
        self._say(f"{user.name} is disabled")

    def enable(self, name: str | None, _: str | None) -> None:
        """Enable a user: logins are possible again."""
        user = self._named(name)
        users.switch_account(self._store, user.number, enabled=True, by=COMMAND_LINE)
        self._say(f"{user.name} is enabled")

    def forget(self, name: str | None, _: str | None) -> None:
        """End an account and make its texts unreadable for ever.

        The number is accepted as well as the name, to finish an attempt that was interrupted.
        """
        number = int(name) if name is not None and name.isascii() and name.isdigit() else self._named(name).number
        users.forget(self._store, self._vault, number, COMMAND_LINE)
        bury(number, self._settings.backup_places)
        self._say(f"user {number} is forgotten")

    def _named(self, name: str | None) -> User:
        if name is None:
            raise SettingError("this needs the name of a user")
        number = users.registry_of(self._store).user_named(name)
        if number is None:
            raise SettingError(f"there is no user {name}")
        return users.user_of(self._store, number)


COMMANDS: dict[str, Callable[[People, str | None, str | None], None]] = {
    "init": People.initialise,
    "list": People.list,
    "invite": People.invite,
    "reset-password": People.reset_password,
    "reset-second-factor": People.reset_second_factor,
    "disable": People.disable,
    "enable": People.enable,
    "forget": People.forget,
}


WITHOUT_NAME = frozenset({"init", "list", "invite"})
WITH_PASSWORD = frozenset({"init", "reset-password"})


def password_from_input() -> str:
    """Return the first line of standard input. Raises `SettingError` when it is empty, as after a failed pipe."""
    password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise SettingError("the standard input held no password")
    return password


def add_people(people: argparse.ArgumentParser) -> None:
    """Give each command of `user` a help and arguments of its own."""
    commands = people.add_subparsers(dest="what", required=True, metavar="command")
    for name, act in COMMANDS.items():
        says = (act.__doc__ or "").partition("\n")[0]
        added = commands.add_parser(name, help=says, description=says)
        added.set_defaults(name=None, password_stdin=False, of=added)
        if name not in WITHOUT_NAME:
            added.add_argument("name", help="the user's name")
        if name in WITH_PASSWORD:
            added.add_argument("--password-stdin", action="store_true", help="read it from standard input")
