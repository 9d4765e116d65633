"""The registry: rules across all users and brokers, in one stream that is saved in the same commit as its subject."""

from __future__ import annotations

from uuid import UUID

from domain.aggregate import Aggregate, Personal, deterministic_id, event
from domain.refusals import Taken

MOST_USERS = 5
MOST_STRATEGIES = 50
"""The most strategies that one user may keep."""
REGISTRY_ID = deterministic_id("registry")


class Registry(Aggregate):
    """The numbers, names and places that only one user or broker may have."""

    @event("Opened")
    def __init__(self) -> None:
        self.users: dict[int, str] = {}
        self.last_user = 0
        self.last_broker = 0
        self.last_strategy = 0
        self.strategies: dict[int, int] = {}
        """The user of each strategy that is kept, by its number."""

    @staticmethod
    def create_id() -> UUID:
        """Return the one id: there is one registry."""
        return REGISTRY_ID

    def user_named(self, name: str) -> int | None:
        """Return the number of the user with this name, whatever its case; None when there is no such user."""
        return next((number for number, taken in self.users.items() if taken.casefold() == name.casefold()), None)

    def next_user(self, name: str) -> int:
        """Return the number of the next user. Raises `Taken` when the name or all five places are taken."""
        if self.user_named(name) is not None:
            raise Taken(f"{name} is taken", code="name_taken", field="username")
        if len(self.users) >= MOST_USERS:
            raise Taken("all five places are taken", code="places_taken")
        return self.last_user + 1

    def number_user(self, number: int, name: str) -> None:
        """Give a place, a number and a name to a new user; `number` is the one that `next_user` returned.

        Raises `Taken` when it no longer is the next number, or the name or all five places are taken.
        """
        if self.next_user(name) != number:
            raise Taken(f"number {number} is not the next", code="number_taken")
        self._user_numbered(number)
        self._name_taken(number, Personal(name))

    def free_user(self, number: int) -> None:
        """Free the name and place of a forgotten user. The number is never given again."""
        if number in self.users:
            self._name_freed(number)

    def number_broker(self, user: int) -> int:
        """Give the next number to a new broker of this user, and return it."""
        number = self.last_broker + 1
        self._broker_numbered(number, user)
        return number

    def number_strategy(self, user: int) -> int:
        """Give the next number to a new strategy of this user, and return it.

        Raises `Taken` when the user keeps as many as there may be.
        """
        if [*self.strategies.values()].count(user) >= MOST_STRATEGIES:
            raise Taken(f"{MOST_STRATEGIES} strategies are kept", code="strategies_full")
        number = self.last_strategy + 1
        self._strategy_numbered(number, user)
        return number

    def release_strategy(self, number: int) -> None:
        """Give the place of a deleted strategy back to its user. The number is never given again."""
        if number in self.strategies:
            self._strategy_released(number)

    @event("UserNumbered")
    def _user_numbered(self, number: int) -> None:
        self.last_user = number

    @event("NameTaken")
    def _name_taken(self, number: int, name: Personal) -> None:
        self.users[number] = name

    @event("NameFreed")
    def _name_freed(self, number: int) -> None:
        del self.users[number]

    @event("BrokerNumbered")
    def _broker_numbered(self, number: int, user: int) -> None:
        self.last_broker = number

    @event("StrategyNumbered")
    def _strategy_numbered(self, number: int, user: int) -> None:
        self.last_strategy = number
        self.strategies[number] = user

    @event("StrategyReleased")
    def _strategy_released(self, number: int) -> None:
        del self.strategies[number]
