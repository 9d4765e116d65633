"""Users: registration, passwords and second factors, preferences, alert channels, disabling and forgetting."""

from __future__ import annotations

from contextlib import AbstractContextManager
from uuid import UUID, uuid4

from application.commands import on_fresh_state
from application.ports.stores import Channels, Reader, SecondFactors, Secrets, Store
from domain.aggregate import carrying
from domain.orders.order import Order
from domain.people.broker import Broker
from domain.people.registry import REGISTRY_ID, Registry
from domain.people.user import COMMAND_LINE, Preferences, Role, User, check_name
from domain.refusals import Invalid, NotFound


def registry_of(store: Reader) -> Registry:
    """Return the registry; before the first user it is a new one."""
    return store.find(Registry, REGISTRY_ID) or Registry()


def by_hand(user: int, source: str = "web") -> AbstractContextManager[None]:
    """Return a context in which events carry the metadata of a person's action for a user, usually that person."""
    return carrying(user=str(user), source=source, correlation_id=f"user-{user}")


def user_of(store: Reader, number: int) -> User:
    """Return a user. Raises `NotFound` for a number that was never given, or whose user is forgotten."""
    user = store.get(User, User.create_id(number))
    if user.forgotten:
        raise NotFound("there is no such user")
    return user


@on_fresh_state
def register(store: Store, secrets: Secrets, name: str, password: str) -> User:
    """Register a new user; the first one is the admin. Raises `Invalid` or `Taken`, and then keeps nothing."""
    check_name(name)
    secrets.check_password(password, name)
    registry = store.find(Registry, REGISTRY_ID)
    number = 1 if registry is None else registry.next_user(name)
    with by_hand(number):
        registry = registry or Registry()
        user = User.register(number, name, Role.ADMIN if number == 1 else Role.TRADER)
        registry.number_user(number, name)
        store.save(registry, user)
    # Only now is the number theirs: earlier, the slower of two registrations would replace the other's password.
    secrets.set_password(number, password)
    return user


def change_password(store: Store, secrets: Secrets, number: int, new: str, by: int) -> None:
    """Change a user's password. Raises `Invalid` for a weak one.

    The caller ends the sessions that began with the old one.
    """
    user = user_of(store, number)
    secrets.check_password(new, user.name)
    with by_hand(number, "web" if by != COMMAND_LINE else "command line"):
        user.change_password(by)
        store.save(user)
        secrets.set_password(number, new)


@on_fresh_state
def prefer(store: Store, number: int, preferences: Preferences) -> None:
    """Store a user's preferences for the console. Raises `Invalid` when one is not valid."""
    with by_hand(number):
        user = user_of(store, number)
        user.prefer(preferences)
        store.save(user)


# --- the second factor -------------------------------------------------------------------------------------------


def confirm_second_factor(store: Store, factors: SecondFactors, number: int, code: str) -> list[str]:
    """Enable the second factor and return the recovery codes: a first code proves that the secret arrived.

    Raises `Invalid` for a wrong code.
    """
    recovery = factors.confirm(number, code)
    with by_hand(number):
        user = user_of(store, number)
        user.enable_second_factor()
        store.save(user)
    return recovery


def drop_second_factor(store: Store, factors: SecondFactors, number: int, by: int) -> None:
    """Disable the second factor, so that the password alone is enough."""
    with by_hand(number, "web" if by != COMMAND_LINE else "command line"):
        user = user_of(store, number)
        user.disable_second_factor(by)
        store.save(user)
    factors.drop(number)


def prove(factors: SecondFactors, user: User, code: str | None) -> None:
    """Check the second factor of a user who has one, and record the use of a recovery code on the user.

    Raises `Invalid` for a missing or wrong code.
    """
    if not user.second_factor:
        return
    if not code:
        raise Invalid("a code of the second factor is needed", code="second_factor_needed", field="code")
    left = factors.prove(user.number, code)
    if left is not None:
        user.use_recovery_code(left)


# --- alert channels ----------------------------------------------------------------------------------------------


def add_channel(store: Store, channels: Channels, number: int, name: str, address: str) -> UUID:
    """Add a channel to which alerts are sent, and return its id. Raises `Invalid` for an address without a service."""
    channel = uuid4()
    service = channels.keep(channel, number, name, address)
    with by_hand(number):
        user = user_of(store, number)
        user.add_channel(channel, service)
        store.save(user)
    return channel


def remove_channel(store: Store, channels: Channels, number: int, channel: UUID) -> None:
    """Remove a channel. Raises `NotFound` when it is another user's or does not exist."""
    user = user_of(store, number)
    if channel not in user.channels and channel not in channels.ids_of(number):
        raise NotFound("there is no such channel")
    with by_hand(number):
        user.remove_channel(channel)
        store.save(user)
    channels.drop(channel)


# --- decisions of an admin ---------------------------------------------------------------------------------------


@on_fresh_state
def switch_account(store: Store, number: int, *, enabled: bool, by: int) -> None:
    """Enable or disable a user. Raises `Impossible` when that would disable the admin."""
    user = user_of(store, number)
    with by_hand(number, "web" if by != COMMAND_LINE else "command line"):
        user.enable(by) if enabled else user.disable(by)
        store.save(user)


@on_fresh_state
def forget(store: Store, secrets: Secrets, number: int, by: int) -> None:
    """Forget a user: remove their brokers, free their name and destroy their key. Repeating it changes nothing.

    Raises `Impossible` for the admin, and while the user has orders that have not ended. The decision is recorded
    before the key is destroyed; after a crash in between, a repetition completes it.
    """
    user = store.get(User, User.create_id(number))
    registry = registry_of(store)
    open_at = brokers_with_open_orders(store)
    found = [store.find(Broker, Broker.create_id(n)) for n in range(1, registry.last_broker + 1)]
    with by_hand(number, "web" if by != COMMAND_LINE else "command line"):
        brokers = [broker for broker in found if broker is not None and broker.user == number]
        for broker in brokers:
            broker.remove(orders_open=broker.number in open_at)
        registry.free_user(number)
        user.forget(by)
        store.save(registry, user, *brokers)
    secrets.forget(number)


def brokers_with_open_orders(store: Store) -> set[int]:
    """Return the numbers of the brokers at which an order is open, on its way or in doubt."""
    return {order.broker for order in store.get_all(Order, store.orders_not_ended())}
