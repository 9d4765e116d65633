"""Accounts: registering users, connecting brokers, stopping and resuming, cancelling everything."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from application.exchange import Credentials
from application.ports import Store
from application.positions import PROTECTION
from domain.aggregate import carrying
from domain.broker import Broker, Exchange, Venue
from domain.order import LIVE, Order, Status
from domain.refusals import Impossible, NotFound
from domain.registry import REGISTRY_ID, Registry
from domain.user import Role, User


class Secrets(Protocol):
    """Where passwords and exchange keys are kept."""

    def check_password(self, password: str, name: str) -> None:
        """Raises `Invalid` for a weak one."""

    def set_password(self, user: int, password: str) -> None:
        """Keep its hash."""

    def store_credentials(self, broker: int, user: int, credentials: Credentials) -> str:
        """Keep an account's keys; answers their fingerprint."""


def registry_of(store: Store) -> Registry:
    """The registry, opened with the first user."""
    return store.find(Registry, REGISTRY_ID) or Registry()


def by_hand(user: int) -> AbstractContextManager[None]:
    """The metadata of whatever a person does in the console."""
    return carrying(user=str(user), source="web", correlation_id=f"user-{user}")


def register(store: Store, secrets: Secrets, name: str, password: str) -> User:
    """A new user; the first one is the admin. Raises `Invalid` or `Taken`, and then nothing was kept."""
    secrets.check_password(password, name)
    registry = store.find(Registry, REGISTRY_ID)
    number = 1 if registry is None else registry.next_user(name)
    with by_hand(number):
        registry = registry or Registry()
        user = User.register(number, name, Role.ADMIN if number == 1 else Role.TRADER)
        registry.number_user(number, name)
        # The password first: a user without one could never log in, a hash without a user is nobody's.
        secrets.set_password(number, password)
        store.save(registry, user)
    return user


def connect_broker(
    store: Store, secrets: Secrets, user: int, exchange: Exchange, venue: Venue, name: str, credentials: Credentials
) -> Broker:
    """A new account on an exchange; the user's first one is the default."""
    registry = registry_of(store)
    with by_hand(user):
        broker = Broker.connect(registry.number_broker(user), user, exchange, venue, name)
        broker.store_credential(secrets.store_credentials(broker.number, user, credentials))
        if not brokers_of(store, user):
            broker.make_default()
        store.save(registry, broker)
    return broker


def brokers_of(store: Store, user: int) -> list[Broker]:
    """The user's brokers in the order of their numbers."""
    found = [store.find(Broker, Broker.create_id(n)) for n in range(1, registry_of(store).last_broker + 1)]
    return [broker for broker in found if broker is not None and broker.user == user]


def broker_of(store: Store, user: int, number: int) -> Broker:
    """Raises `NotFound` for another user's broker as for none."""
    broker = store.find(Broker, Broker.create_id(number))
    if broker is None or broker.user != user:
        raise NotFound(f"there is no broker {number}")
    return broker


def switch_trading(store: Store, user: int, *, stopped: bool, number: int | None = None) -> None:
    """Stop or resume automatic trading for all of a user's brokers, or for one."""
    with by_hand(user):
        subject = store.get(User, User.create_id(user)) if number is None else broker_of(store, user, number)
        subject.stop_trading() if stopped else subject.resume_trading()
        store.save(subject)


def cancel_all(store: Store, user: int) -> int:
    """Ask for every order of the user that has not ended to be taken off; answers how many are asked for.

    What protects a position stays: without it a panic would leave the coins to the market.
    """
    asked = 0
    with by_hand(user):
        for order_id in store.orders_not_ended():
            order = store.get(Order, order_id)
            protects = order.requester == PROTECTION
            if order.user != user or order.cancel_requested or protects or order.status not in {*LIVE, Status.PLACED}:
                continue
            try:
                order.request_cancel("cancel all")
            except Impossible:
                continue  # it ended this very moment
            store.save(order)
            asked += 1
    return asked
