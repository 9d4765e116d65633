"""The editor: creating, changing and deleting strategies, and saving versions of their code."""

from __future__ import annotations

from application.commands import on_fresh_state
from application.people.users import by_hand, registry_of
from application.ports.stores import Reader, Store
from application.strategies.check import Checked
from domain.refusals import Invalid, NotFound, Taken
from domain.strategies.strategy import Strategy, Version, checked_name


def strategies_of(store: Reader, user: int) -> list[Strategy]:
    """Return the strategies that a user keeps, by number."""
    kept = registry_of(store).strategies
    found = store.get_all(Strategy, [Strategy.create_id(number) for number, owner in kept.items() if owner == user])
    return sorted(found, key=lambda strategy: strategy.number)


def strategy_of(store: Reader, user: int, number: int) -> Strategy:
    """Return a strategy of the user. Raises `NotFound` when it is another user's, was deleted or does not exist."""
    strategy = store.find(Strategy, Strategy.create_id(number))
    if strategy is None or strategy.user != user or strategy.deleted:
        raise NotFound(f"there is no strategy {number}")
    return strategy


def check_owner(store: Reader, user: int, number: int) -> None:
    """Raise `NotFound` as `strategy_of`, without reading the code of all versions."""
    if registry_of(store).strategies.get(number) != user:
        raise NotFound(f"there is no strategy {number}")


@on_fresh_state
def create_strategy(store: Store, user: int, name: str, description: str, timeframe: str) -> Strategy:
    """Create a strategy without code.

    Raises `Invalid`, or `Taken` for a name in use or when the user keeps as many strategies as there may be.
    """
    registry = registry_of(store)
    _check_name(checked_name(name), strategies_of(store, user))
    with by_hand(user):
        strategy = Strategy.create(registry.number_strategy(user), user, name, description, timeframe)
        store.save(registry, strategy)
    return strategy


@on_fresh_state
def change_strategy(
    store: Store,
    user: int,
    number: int,
    *,
    name: str | None = None,
    description: str | None = None,
    timeframe: str | None = None,
) -> None:
    """Change what is given and leave the rest. Raises `Invalid` or `Taken`, and then changes nothing."""
    strategy = strategy_of(store, user, number)
    if name is not None:
        others = [other for other in strategies_of(store, user) if other.number != number]
        _check_name(checked_name(name), others)
    with by_hand(user):
        strategy.rename(
            strategy.name if name is None else name, strategy.description if description is None else description
        )
        if timeframe is not None:
            strategy.choose_timeframe(timeframe)
        store.save(strategy)


@on_fresh_state
def save_code(store: Store, user: int, number: int, code: str, history: int, based_on: int, found: Checked) -> Version:
    """Save a new version of the code, `found` being what the check of this very code has found.

    Raises `Invalid` at the line in question for code with a fault, and as `Strategy.change_code`.
    """
    strategy = strategy_of(store, user, number)
    if (fault := found.first_fault) is not None:
        line = "" if fault.line is None else f"line {fault.line}: "
        raise Invalid(f"{line}{fault.code} {fault.about}".strip(), code="code_invalid", field="code")
    with by_hand(user):
        version = strategy.change_code(code, history, based_on)
        if found.run.asked:
            strategy.validate(version.number, found.run.asked)
        store.save(strategy)
    return strategy.version_numbered(version.number)


@on_fresh_state
def judge_version(store: Store, user: int, number: int, version: int, found: Checked) -> None:
    """Record what the check of a saved version has found: what was valid once need not be valid for ever."""
    strategy = strategy_of(store, user, number)
    with by_hand(user):
        if (fault := found.first_fault) is not None:
            strategy.invalidate(version, fault.code, fault.line)
        elif found.run.asked:
            strategy.validate(version, found.run.asked)
        store.save(strategy)


@on_fresh_state
def delete_strategy(store: Store, user: int, number: int) -> None:
    """Delete a strategy. Its versions stay in the log, sealed with its author's key."""
    strategy, registry = strategy_of(store, user, number), registry_of(store)
    with by_hand(user):
        strategy.delete()
        registry.release_strategy(number)
        store.save(registry, strategy)


def _check_name(name: str, others: list[Strategy]) -> None:
    if any(other.name.casefold() == name.casefold() for other in others):
        raise Taken(f"{name} is taken", code="strategy_name_taken", field="name")
