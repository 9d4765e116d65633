"""Laws of users, brokers, the registry, strategies, alerts and spendings, whichever verbs are called and when."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.log.eventmapper import EventMapper
from domain.aggregate import carrying
from domain.alert import Alert, Cause, Severity
from domain.people.broker import Broker, Exchange, Limits, StopStyle, Usage, Venue
from domain.people.registry import MOST_USERS, Registry
from domain.people.user import CHOICES, Preferences, Role, User
from domain.refusals import Refused, Taken
from domain.strategies.strategy import LONGEST_CODE, Strategy
from domain.trading.spending import Spending

LIMIT = Decimal(100)
ids = st.sampled_from([UUID(int=number) for number in range(1, 6)])
numbers = st.integers(0, 8)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
names = st.sampled_from(["anna", "ANNA", "bob", "Straße", "STRASSE", "carl", "dora", "emil", "frida"])
amounts = st.decimals("0.000000000000000001", "60", places=18)
any_amounts = (
    st.none() | amounts | st.sampled_from([Decimal(word) for word in ("NaN", "-Infinity", "0", "-1", "1E+41")])
)
channels = st.sampled_from(["one", "other"])
codes = st.sampled_from(["a = 1", "b = 2", "", " ", "x" * (LONGEST_CODE + 1)])


def step(verb, *given_, **named):
    """Return a strategy for one call of a verb with its arguments."""
    return st.tuples(st.just(verb), st.tuples(*given_), st.fixed_dictionaries(named))


SAID = {
    User: [
        *(step(verb) for verb in ("stop_trading", "resume_trading", "enable_second_factor", "log_out")),
        *(step(verb, numbers) for verb in ("disable", "enable", "forget", "disable_second_factor")),
        *(step(verb, numbers) for verb in ("change_password", "use_recovery_code")),
        step("log_in", texts),
        step("add_channel", ids, texts),
        step("remove_channel", ids),
        step("prefer", st.builds(Preferences, *(st.sampled_from([*sorted(known), "?"]) for known in CHOICES.values()))),
    ],
    Broker: [
        *(step(verb) for verb in ("make_default", "pass_default_on", "stop_trading", "resume_trading")),
        step("rename", texts),
        step("store_credential", st.sampled_from(["a1", "b2"])),
        step("use_for", st.sampled_from(Usage)),
        step("rest_stops_as", st.sampled_from(StopStyle)),
        step("refuse_bars_older_than", st.none() | st.integers(-1, 1001)),
        step("limit", st.builds(Limits, st.sampled_from(["USDT", "BTC", "usdt", ""]), any_amounts, any_amounts)),
        step("remove", orders_open=st.booleans()),
        step("record_test", ok=st.booleans(), detail=texts),
        step("record_markets", numbers, shared=st.booleans()),
    ],
    Registry: [
        step("number_user", numbers, names),
        step("free_user", numbers),
        step("number_broker", numbers),
        step("number_strategy", numbers),
        step("release_strategy", numbers),
    ],
    Strategy: [
        step("rename", texts, texts),
        step("choose_timeframe", st.sampled_from(["1m", "4h", "7m"])),
        step("change_code", codes, st.sampled_from([200, 1000, 300]), st.integers(0, 3)),
        step("validate", st.integers(0, 3), st.just(100)),
        step("invalidate", st.integers(0, 3), st.just("import"), st.none() | st.just(1)),
        step("delete"),
    ],
    Alert: [step("record_sent", channels), step("record_failure", channels, texts), step("acknowledge"), step("end")],
    Spending: [step("reserve", ids, amounts, st.just(LIMIT)), step("release", ids)],
}
EACH_TIME = {
    "log_in", "log_out", "change_password", "use_recovery_code", "record_test", "record_markets", "number_broker",
    "record_failure", "number_strategy",
}  # fmt: skip
"""The verbs that record a fact of its own each time they are called."""
STARTS = {
    User: st.builds(User.register, numbers, st.just("somebody"), st.sampled_from(Role)),
    Broker: st.builds(Broker.connect, numbers, numbers, st.sampled_from(Exchange), st.sampled_from(Venue), names),
    Registry: st.builds(Registry),
    Strategy: st.builds(Strategy.create, numbers, numbers, names, texts, st.sampled_from(["1m", "15m"])),
    Alert: st.builds(
        Alert, numbers, texts, st.sampled_from(Cause), st.sampled_from(Severity), st.none() | ids,
        st.dictionaries(texts, texts, max_size=3),
    ),
    Spending: st.builds(Spending, numbers, st.dates(date(2026, 1, 1))),
}  # fmt: skip
of_every_kind = pytest.mark.parametrize("kind", SAID, ids=lambda kind: kind.__name__)


class PlainKeys:
    """Keys that seal a text so that it cannot be read, without a database."""

    def seal(self, person, text):
        return f"sealed:{person}:{text.encode().hex()}"

    def unseal(self, sealed):
        return bytes.fromhex(sealed.rpartition(":")[2]).decode()


def begun(data, kind):
    """Return an aggregate of this kind with its first event."""
    with carrying(user="1"):
        return data.draw(STARTS[kind])


def some(data, kind):
    """Return calls of this kind's verbs, to be made one after the other."""
    return data.draw(st.lists(st.one_of(SAID[kind]), max_size=20))


def say(aggregate, said):
    """Make the call and return True unless the aggregate refuses it."""
    verb, given_, named = said
    try:
        with carrying(user="1"):
            getattr(aggregate, verb)(*given_, **named)
    except Refused:
        return False
    return True


def state(aggregate):
    """Return what the aggregate knows, and its version."""
    hidden = {"_pending_events", "_created_on", "_modified_on"}
    return {key: deepcopy(value) for key, value in vars(aggregate).items() if key not in hidden}


@of_every_kind
@given(data=st.data())
def test_saying_everything_twice_changes_nothing(kind, data):
    """A repeated call changes neither state nor version: it is ignored or refused, unless each is a fact of its own."""
    aggregate = begun(data, kind)
    for said in some(data, kind):
        say(aggregate, said)
        before, pending = state(aggregate), len(aggregate.pending_events)
        if said[0] not in EACH_TIME:
            say(aggregate, said)
            assert (state(aggregate), len(aggregate.pending_events)) == (before, pending)


@of_every_kind
@given(data=st.data())
def test_a_refusal_leaves_no_trace(kind, data):
    """A refusal changes neither the state nor the events to be saved."""
    aggregate = begun(data, kind)
    for said in some(data, kind):
        before, pending = state(aggregate), len(aggregate.pending_events)
        assert say(aggregate, said) or (state(aggregate), len(aggregate.pending_events)) == (before, pending)


@of_every_kind
@given(data=st.data())
def test_replaying_gives_the_same_aggregate(kind, data):
    """The state is the sum of the events."""
    aggregate, again = begun(data, kind), None
    for said in some(data, kind):
        say(aggregate, said)
    before = state(aggregate)
    for event in aggregate.collect_events():
        again = event.mutate(again)
    assert state(again) == before


@of_every_kind
@given(data=st.data())
def test_every_event_survives_the_log(kind, data):
    """An event that is read back equals the one written; the names and addresses of persons are sealed."""
    mapper, aggregate = EventMapper(PlainKeys()), begun(data, kind)
    for said in some(data, kind):
        say(aggregate, said)
    events = aggregate.collect_events()
    stored = [mapper.to_stored_event(event) for event in events]
    assert [mapper.to_domain_event(event) for event in stored] == list(events)
    for event, kept in zip(events, stored, strict=True):
        if kind in {User, Registry} and hasattr(event, "name"):
            assert f'"name":"sealed:1:{event.name.encode().hex()}"'.encode() in kept.state


# --- spending ----------------------------------------------------------------------------------------------------


@given(st.lists(st.one_of(SAID[Spending]), max_size=30))
def test_never_is_more_reserved_than_the_limit(said):
    """This holds to the last of eighteen places. One order has one share, and only what does not fit is refused."""
    spending, shares = Spending(1, date(2026, 3, 2)), {}
    for verb, given_, named in said:
        order = given_[0]
        if verb == "release":
            shares.pop(order, None)
            assert say(spending, (verb, given_, named))
        else:
            fits = order in shares or sum(shares.values(), Fraction(given_[1])) <= LIMIT
            assert say(spending, (verb, given_, named)) == fits
            if fits:
                shares.setdefault(order, Fraction(given_[1]))
        assert {order: Fraction(amount) for order, amount in spending.reserved.items()} == shares
        assert Fraction(spending.spent) == sum(shares.values()) <= LIMIT


@given(st.lists(st.tuples(ids, amounts, st.decimals("0", "120", places=18)), max_size=20))
def test_a_lower_limit_takes_back_nothing(said):
    """Reservations stay; nothing more is reserved until there is room again."""
    spending = Spending(1, date(2026, 3, 2))
    for order, amount, limit in said:
        before = spending.spent
        say(spending, ("reserve", (order, amount, limit), {}))
        assert spending.spent == before or before < spending.spent <= limit


# --- the registry ------------------------------------------------------------------------------------------------


@given(st.lists(names | numbers, max_size=40))
def test_five_places_one_name_each_and_no_number_twice(said):
    """A name gets the next number. Freeing a number frees its place and its name; the number is never used again."""
    registry, ever = Registry(), []
    for one in said:
        with carrying(user="1"):
            if isinstance(one, int):
                freed = registry.users.get(one)
                registry.free_user(one)
                assert freed is None or registry.user_named(freed) is None
                continue
            taken = one.casefold() in {name.casefold() for name in registry.users.values()}
            full = len(registry.users) == MOST_USERS
            if taken or full:
                with pytest.raises(Taken) as refused:
                    registry.next_user(one)
                assert refused.value.code == ("name_taken" if taken else "places_taken")
                continue
            number = registry.next_user(one)
            registry.number_user(number, one)
            ever.append(number)
            assert registry.user_named(one.swapcase()) == number or one.swapcase().casefold() != one.casefold()
    assert ever == [*range(1, len(ever) + 1)]
    assert len(registry.users) <= MOST_USERS


@given(st.lists(names, unique_by=str.casefold, min_size=MOST_USERS + 1))
def test_a_freed_name_can_be_taken_again_under_a_new_number(chosen):
    """A freed place can likewise be taken by anyone."""
    # Given a registry whose places are all taken.
    registry, (first, *others, last) = Registry(), chosen[: MOST_USERS + 1]
    with carrying(user="1"):
        for name in (first, *others):
            registry.number_user(registry.next_user(name), name)
        with pytest.raises(Taken):
            registry.next_user(last)
        # When a place is freed, its name can be taken again; and when another is freed, a new name can have it.
        registry.free_user(1)
        registry.number_user(MOST_USERS + 1, first)
        assert registry.user_named(first) == MOST_USERS + 1
        registry.free_user(2)
        registry.number_user(MOST_USERS + 2, last)
    # Then the freed numbers are gone.
    assert sorted(registry.users) == [3, 4, 5, 6, 7]


@given(st.lists(numbers, max_size=20))
def test_brokers_are_numbered_in_their_order(users):
    """The numbers follow the sequence of connections, whichever user makes them."""
    registry = Registry()
    assert [registry.number_broker(user) for user in users] == [*range(1, len(users) + 1)]
