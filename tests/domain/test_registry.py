"""Five places, unique names, and numbers that are never given twice, even after people are forgotten."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.log.eventmapper import EventMapper
from domain.aggregate import carrying
from domain.people.registry import MOST_USERS, REGISTRY_ID, Registry
from domain.refusals import Taken

NAMES = ["Alice", "bob", "Straße", "dave", "eve"]


class Keys:
    """The keys of all people but the forgotten ones."""

    def __init__(self, *forgotten: int) -> None:
        self.forgotten = forgotten

    def seal(self, person: int, text: str) -> str:
        return f"{person}:{text}"

    def unseal(self, sealed: str) -> str:
        person, _, text = sealed.partition(":")
        return "[forgotten]" if int(person) in self.forgotten else text


def registry_with(*names: str) -> Registry:
    registry = Registry()
    for name in names:
        number = registry.next_user(name)
        with carrying(user=str(number)):
            registry.number_user(number, name)
    return registry


def read_again(registry: Registry, *forgotten: int) -> Registry:
    """Return the registry as it comes back from the log after some people were forgotten."""
    mapper = EventMapper(Keys(*forgotten))
    events = [mapper.to_domain_event(mapper.to_stored_event(event)) for event in registry.collect_events()]
    return reduce(lambda so_far, event: event.mutate(so_far), events, None)


def test_there_is_one_registry():
    """Every registry that is opened is the same stream."""
    assert Registry().id == Registry().id == REGISTRY_ID == Registry.create_id()


def test_there_are_five_places():
    """The sixth user is refused with the reason, and the registry stays as it was."""
    registry = registry_with(*NAMES)
    assert list(registry.users) == [1, 2, 3, 4, 5] == list(range(1, MOST_USERS + 1))
    version = registry.version
    for verb in (lambda: registry.next_user("frank"), lambda: registry.number_user(6, "frank")):
        with pytest.raises(Taken) as refused:
            verb()
        assert refused.value.code == "places_taken"
    assert (registry.version, registry.last_user) == (version, 5)


@pytest.mark.parametrize("name", ["Alice", "alice", "ALICE", "STRASSE", "straße", "EvE"])
def test_a_name_is_taken_whatever_its_case(name):
    """Names are compared and found by their folded case, which may have more letters than the name."""
    registry = registry_with(NAMES[0], NAMES[2], NAMES[4])
    version = registry.version
    with pytest.raises(Taken) as refused:
        registry.number_user(4, name)
    assert (refused.value.code, refused.value.field) == ("name_taken", "username")
    assert (registry.version, registry.next_user("frank")) == (version, 4)
    assert registry.users[registry.user_named(name)].casefold() == name.casefold()


def test_a_free_name_belongs_to_nobody():
    """Only a whole name matches."""
    registry = registry_with("Alice")
    assert [registry.user_named(name) for name in ("", "Ali", "Alice2", "[forgotten]")] == [None] * 4


@given(st.integers(-1, 9))
def test_only_the_announced_number_is_given(number):
    """A number that another process announced in the meantime is not given twice."""
    registry = registry_with("alice", "bob")
    version = registry.version
    if number == 3:
        registry.number_user(number, "carol")
        assert registry.users[3] == "carol"
    else:
        with pytest.raises(Taken) as refused:
            registry.number_user(number, "carol")
        assert (refused.value.code, registry.version, registry.last_user) == ("number_taken", version, 2)


def test_the_forgotten_keep_their_places():
    """Two users whose names can no longer be read still take two places, and their old names are free."""
    registry = read_again(registry_with(*NAMES), 1, 2)
    assert list(registry.users) == [1, 2, 3, 4, 5]
    assert (registry.users[1], registry.users[2], registry.users[3]) == ("[forgotten]", "[forgotten]", "Straße")
    assert (registry.user_named("Alice"), registry.user_named("strasse")) == (None, 3)
    with pytest.raises(Taken) as refused:
        registry.next_user("Alice")
    assert refused.value.code == "places_taken"


def test_the_number_of_the_forgotten_is_not_given_again():
    """Even when all users are forgotten, the next user and the next broker get new numbers."""
    registry = registry_with("alice", "bob", "carol")
    with carrying(user="3"):
        registry.number_broker(3)
    registry = read_again(registry, 1, 2, 3)
    assert (registry.next_user("alice"), len(registry.users)) == (4, 3)
    with carrying(user="4"):
        registry.number_user(4, "alice")
        assert registry.number_broker(4) == 2


@given(st.lists(st.integers(1, 5), max_size=30))
def test_brokers_are_numbered_over_all_users(owners):
    """No two brokers have the same number, whoever owns them, and a replay of the log changes nothing."""
    registry = registry_with(*NAMES)
    with carrying(user="1"):
        assert [registry.number_broker(owner) for owner in owners] == list(range(1, len(owners) + 1))
    again = read_again(registry)
    assert (again.last_broker, again.users) == (len(owners), dict(enumerate(NAMES, start=1)))
