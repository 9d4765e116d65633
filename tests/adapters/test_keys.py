"""Personal texts, the right to be forgotten, and the rotation of the master key."""

from __future__ import annotations

from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.fernet import InvalidToken

from adapters.vault.keys import FORGOTTEN, KeyRing, MasterKey
from domain.aggregate import carrying
from domain.people.user import Role, User

ADA = "ada.lovelace"


@pytest.fixture
def store(database):
    return database.store()


@pytest.fixture
def registered(store):
    """Save and return a user whose name and address are in the log."""
    with carrying(user="7"):
        user = User.register(7, ADA, Role.TRADER)
        user.log_in("192.0.2.44")
    store.save(user)
    return user


def _forget(database, person):
    with database.connect() as connection:
        connection.execute("UPDATE vault.person_keys SET key = NULL, forgotten_at = now() WHERE person = %s", (person,))


def test_personal_texts_are_sealed_in_the_table(database, store, registered):
    """The table shows numbers and times but no names and no addresses. The platform can read them."""
    with database.connect() as connection:
        states = [bytes(row[0]).decode() for row in connection.execute("SELECT state FROM log.events")]
    assert not any(ADA in state or "192.0.2.44" in state for state in states)
    assert all("sealed:7:" in state for state in states)
    assert '"number":7' in states[0]
    assert store.get(User, registered.id).name == ADA
    assert [getattr(r.event, "address", None) for r in store.read(0)] == [None, "192.0.2.44"]


def test_the_same_text_is_never_sealed_alike(store):
    """Sealing one text twice gives different results, so the table does not reveal which texts are equal."""
    assert store.keys.seal(7, ADA) != store.keys.seal(7, ADA)


def test_a_forgotten_person_cannot_be_read_again(database, registered):
    """Once the key is erased no process can read the person's texts. Data that is not personal stays."""
    _forget(database, 7)
    found = database.store().get(User, registered.id)
    assert (found.name, found.number, found.role) == (FORGOTTEN, 7, Role.TRADER)


def test_a_forgotten_person_gets_no_new_key(database, registered):
    """Texts that arrive after the forgetting are not stored, and the row with the empty key stays."""
    _forget(database, 7)
    store = database.store()
    user = store.get(User, registered.id)
    with carrying(user="7"):
        user.log_in("192.0.2.45")
    store.save(user)
    assert store.read(2)[0].event.address == FORGOTTEN
    with database.connect() as connection:
        states = connection.execute("SELECT convert_from(state, 'UTF8') FROM log.events WHERE position = 3").fetchone()
        assert "192.0.2.45" not in states[0]
        assert connection.execute("SELECT person, key FROM vault.person_keys").fetchall() == [(7, None)]


def test_a_process_forgets_within_its_memory(database, store, registered):
    """A process that has the key in memory uses it for at most half a minute."""
    now = [0.0]
    keys = KeyRing(store.pool, database.master, clock=lambda: now[0])
    sealed = keys.seal(7, ADA)
    _forget(database, 7)
    now[0] = KeyRing.remembered_seconds
    assert keys.unseal(sealed) == FORGOTTEN
    assert keys.seal(7, "again") == FORGOTTEN


def test_two_processes_make_one_key(database):
    """The process that comes second uses the key the first one made."""
    first, second = database.store().keys, database.store().keys
    one, two = first.seal(3, "one"), second.seal(3, "two")
    assert (second.unseal(one), first.unseal(two)) == ("one", "two")


def test_a_changed_text_is_noticed(store):
    """Unsealing a text that was altered raises `InvalidTag`."""
    sealed = store.keys.seal(7, ADA)
    position = len("sealed:7:") + 30
    changed = sealed[:position] + ("A" if sealed[position] != "A" else "B") + sealed[position + 1 :]
    with pytest.raises(InvalidTag):
        store.keys.unseal(changed)


def test_a_text_that_looks_sealed_is_a_text(database, store):
    """Entering the sealed form of another person's text does not reveal that text."""
    theirs = store.keys.seal(1, "a secret")
    assert store.keys.unseal(store.keys.seal(2, theirs)) == theirs


# --- the master key ----------------------------------------------------------------------------------------------


def test_an_old_secret_after_a_comma_still_decrypts(database, store):
    """Texts sealed by the old secret can be read. Texts sealed anew need the new one."""
    sealed = store.keys.seal(7, ADA)
    rotated = KeyRing(store.pool, MasterKey(f"a new secret, {database.secret}"))
    assert rotated.unseal(sealed) == ADA
    newer = MasterKey("a new secret").fernet
    assert newer.decrypt(MasterKey(f"a new secret,{database.secret}").fernet.encrypt(b"credential")) == b"credential"
    with pytest.raises(InvalidToken):
        KeyRing(store.pool, MasterKey("a new secret")).unseal(sealed)


def test_secrets_lead_to_their_own_keys():
    """One secret yields many keys, and none of them reveals another. An empty secret is refused."""
    one, other = MasterKey("one"), MasterKey("other")
    assert one.token_hashes("t") == MasterKey("one").token_hashes("t") != other.token_hashes("t")
    assert len({one.password_of("a"), one.password_of("b"), other.password_of("a")}) == 3
    with pytest.raises(ValueError, match="ARISTOBOT_SECRET_KEY"):
        MasterKey(" , ")


def test_a_personal_text_needs_a_person(store):
    """An event with personal texts whose metadata names no person is refused before anything is written."""
    user = User.register(8, f"u{uuid4().hex[:6]}", Role.TRADER)
    with pytest.raises(KeyError):
        store.save(user)
    assert store.head() == 0
