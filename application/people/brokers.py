"""Brokers: connecting, changing and removing accounts at exchanges."""

from __future__ import annotations

from application.commands import on_fresh_state
from application.people.users import brokers_with_open_orders, by_hand, registry_of
from application.ports.statements import Credentials
from application.ports.stores import Reader, Secrets, Store
from domain.people.broker import Broker, Exchange, Limits, StopStyle, Usage, Venue, checked_name
from domain.refusals import Invalid, NotFound, Taken
from domain.webhooks.gates import Gates


def brokers_of(store: Store, user: int) -> list[Broker]:
    """Return the user's brokers by number, without removed ones."""
    found = [store.find(Broker, Broker.create_id(n)) for n in range(1, registry_of(store).last_broker + 1)]
    return [broker for broker in found if broker is not None and broker.user == user and not broker.removed]


def broker_of(store: Store, user: int, number: int) -> Broker:
    """Return a broker of the user. Raises `NotFound` when it is another user's, was removed or does not exist."""
    broker = store.find(Broker, Broker.create_id(number))
    if broker is None or broker.user != user or broker.removed:
        raise NotFound(f"there is no broker {number}")
    return broker


def connect_broker(
    store: Store, secrets: Secrets, user: int, exchange: Exchange, venue: Venue, name: str, credentials: Credentials
) -> Broker:
    """Connect an account at an exchange as a new broker; the user's first one becomes the default.

    Raises `Invalid`, or `Taken` for a name in use, so that a repeated request cannot make a second broker.
    """
    broker = _take_number(store, user, exchange, venue, name)
    # Only now is the number theirs: earlier, the slower of two requests would replace the keys of the faster one.
    change_credentials(store, secrets, user, broker.number, credentials)
    return broker_of(store, user, broker.number)


@on_fresh_state
def _take_number(store: Store, user: int, exchange: Exchange, venue: Venue, name: str) -> Broker:
    registry = registry_of(store)
    mine = brokers_of(store, user)
    with by_hand(user):
        broker = Broker.connect(registry.number_broker(user), user, exchange, venue, name)
        _check_name(broker.name, mine)
        if not mine:
            broker.make_default()
        store.save(registry, broker)
    return broker


@on_fresh_state
def change_credentials(store: Store, secrets: Secrets, user: int, number: int, credentials: Credentials) -> None:
    """Replace the keys of an account; its history stays."""
    broker = broker_of(store, user, number)
    with by_hand(user):
        broker.store_credential(secrets.store_credentials(number, user, credentials))
        store.save(broker)


@on_fresh_state
def change_broker(
    store: Store,
    user: int,
    number: int,
    *,
    name: str | None = None,
    usage: Usage | None = None,
    limits: Limits | None = None,
    stop_style: StopStyle | None = None,
    oldest_bar: int | None = None,
) -> None:
    """Change the given settings and leave the others. Raises `Invalid` or `Taken`, and then changes nothing.

    An `oldest_bar` of 0 removes that limit.
    """
    broker = broker_of(store, user, number)
    with by_hand(user):
        if name is not None:
            _check_name(name.strip(), [other for other in brokers_of(store, user) if other.number != number])
            broker.rename(name)
        if usage is not None:
            broker.use_for(usage)
        if limits is not None:
            broker.limit(limits)
        if stop_style is not None:
            broker.rest_stops_as(stop_style)
        if oldest_bar is not None:
            broker.refuse_bars_older_than(oldest_bar or None)
        store.save(broker)


@on_fresh_state
def set_gates(store: Store, user: int, number: int, gates: Gates) -> None:
    """Choose the gates with which new streams of webhooks begin at a broker.

    Raises as `check_twin` and `Gates.check`.
    """
    broker = broker_of(store, user, number)
    check_twin(gates, broker.gates, broker, store)
    with by_hand(user):
        broker.set_gates(gates)
        store.save(broker)


def check_twin(gates: Gates, before: Gates, broker: Broker, store: Reader) -> None:
    """Raise `Invalid` for a new twin that is no other broker of the same user, on paper and used for webhooks.

    One that is no such broker any more does nothing, and must not keep other gates from being set.
    """
    if gates.twin in {None, before.twin}:
        return
    twin = store.find(Broker, Broker.create_id(gates.twin or 0))
    if twin is None or not may_be_twin(twin, broker.user, broker.number):
        raise Invalid(f"broker {gates.twin} cannot be a paper twin", code="twin_not_on_paper", field="twin")


def may_be_twin(broker: Broker, user: int, of_broker: int) -> bool:
    """Return True when a broker of the user can carry out on paper what another one is asked for."""
    on_paper = broker.venue is Venue.PAPER and broker.usage is Usage.WEBHOOKS and not broker.removed
    return on_paper and broker.user == user and broker.number != of_broker


@on_fresh_state
def make_default(store: Store, user: int, number: int) -> None:
    """Make this broker the default, in place of the previous one."""
    chosen = broker_of(store, user, number)
    others = [broker for broker in brokers_of(store, user) if broker.number != number]
    with by_hand(user):
        for other in others:
            other.pass_default_on()
        chosen.make_default()
        store.save(chosen, *others)


@on_fresh_state
def remove_broker(store: Store, secrets: Secrets, user: int, number: int) -> None:
    """Remove a broker: its keys are destroyed, its history stays.

    If it was the default, the user's next broker becomes the default. Raises `Impossible` while it has orders that have
    not ended.
    """
    broker = broker_of(store, user, number)
    others = [other for other in brokers_of(store, user) if other.number != number]
    with by_hand(user):
        was_default = broker.default
        broker.remove(orders_open=number in brokers_with_open_orders(store))
        if was_default and others:
            others[0].make_default()
        secrets.drop_credentials(number)  # first: a removed broker is not found again, so its keys would stay
        store.save(broker, *others[:1])


@on_fresh_state
def record_test(store: Store, user: int, number: int, *, ok: bool, detail: str) -> None:
    """Record the result of a connection test."""
    broker = broker_of(store, user, number)
    with by_hand(user):
        broker.record_test(ok=ok, detail=detail)
        store.save(broker)


def check_name(store: Store, user: int, name: str) -> None:
    """Check a new broker's name before anything is asked of an exchange. Raises `Invalid` or `Taken`."""
    _check_name(checked_name(name), brokers_of(store, user))


def _check_name(name: str, others: list[Broker]) -> None:
    if any(other.name.casefold() == name.casefold() for other in others):
        raise Taken(f"{name} is taken", code="broker_name_taken", field="name")
