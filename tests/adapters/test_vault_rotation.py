"""After the rotation to a new master key, that key alone opens everything the old one had sealed."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pyotp
import pytest
from cryptography.fernet import InvalidToken

from adapters.database.migrate import migrate
from adapters.log.eventstore import Store, open_pool
from adapters.vault.channels import ChannelTable
from adapters.vault.keys import KeyRing, MasterKey
from adapters.vault.second_factor import SecondFactorTable
from adapters.vault.tokens import Owner, TokenTable
from adapters.vault.vault import SEALED, Vault
from application.people.users import register
from application.ports.statements import Credentials
from domain.people.user import User
from domain.refusals import Invalid

NEW = "a new secret"
KEYS = Credentials("KEY", "SECRET", "PASSPHRASE")
ADDRESS = "json://127.0.0.1:1/hook"
PEOPLE = {1: "alice", 2: "bob"}


class House:
    """Everything that opens the vault, under one setting of the secret."""

    def __init__(self, pool, secret):
        master = MasterKey(secret)
        self.store, self.keys, self.vault = Store(pool, master), KeyRing(pool, master), Vault(pool, master)
        self.tokens = TokenTable(pool, master)
        self.channels, self.now = ChannelTable(pool, master, private=True), 1_772_000_000
        self.factors = SecondFactorTable(pool, master, lambda: self.now)


@pytest.fixture
def pool(database):
    """Yield connections of the owner; no terminal may read everything that is sealed."""
    with open_pool(database.url) as pool:
        yield pool


@pytest.fixture
def sealed(database, pool):
    """Seal one item of every kind for each of two people under the old secret, and return what can be checked."""
    house, told = House(pool, database.secret), {}
    for person, name in PEOPLE.items():
        register(house.store, house.vault, name, "long enough phrase")
        house.vault.store_credentials(person, person, KEYS)
        house.channels.keep(uuid4(), person, "mine", ADDRESS)
        factor = house.factors.begin(person)
        codes = house.factors.confirm(person, pyotp.TOTP(factor).at(house.now))
        told[person] = {
            "text": house.keys.seal(person, f"a text of {name}"),
            "token": house.tokens.rotate(person),
            "factor": factor,
            "codes": codes,
        }
    return told


@pytest.fixture
def rotated(database, pool, sealed):
    """Return the same items after the rotation, during which the old secret is listed after the new one."""
    assert House(pool, f"{NEW},{database.secret}").vault.rotate() == len(SEALED) * len(PEOPLE)
    return sealed


def _opens(house, told, person):
    """Return the names of those of a person's items that this house can open."""
    house.now += 3000
    reads = {
        "text": lambda: house.keys.unseal(told["text"]) == f"a text of {PEOPLE[person]}",
        "name": lambda: house.store.get(User, User.create_id(person)).name == PEOPLE[person],
        "keys": lambda: house.vault.credentials(person) == KEYS,
        "token": lambda: house.tokens.of(person) == told["token"],
        "door": lambda: (
            house.tokens.owner_in(house.tokens.owners(), told["token"]) == Owner(person, None, forgotten=False)
        ),
        "channel": lambda: [kept.address for kept in house.channels.of(person)] == [ADDRESS],
        "factor": lambda: house.factors.prove(person, pyotp.TOTP(told["factor"]).at(house.now)) is None,
    }
    return {name for name, read in reads.items() if _true(read)}


def _true(read):
    try:
        return read()
    except InvalidToken:
        return False


EVERYTHING = {"text", "name", "keys", "token", "door", "channel", "factor"}


@pytest.mark.parametrize("person", PEOPLE)
def test_the_new_secret_alone_opens_everything(pool, rotated, person):
    """Texts, keys, the webhook token, channels and the second factor open, and the door finds the token's user."""
    assert _opens(House(pool, NEW), rotated[person], person) == EVERYTHING
    assert House(pool, NEW).vault.password_matches(person, "long enough phrase")


@pytest.mark.parametrize("person", PEOPLE)
def test_the_old_secret_alone_opens_nothing(database, pool, rotated, person):
    """The old secret with a copy of the database made after the rotation reveals nothing."""
    assert _opens(House(pool, database.secret), rotated[person], person) == set()


def test_before_the_rotation_it_is_the_other_way_round(database, pool, sealed):
    """The old secret opens everything, the new one nothing, and both together everything."""
    assert _opens(House(pool, database.secret), sealed[1], 1) == EVERYTHING
    assert _opens(House(pool, NEW), sealed[1], 1) == set()
    assert _opens(House(pool, f"{NEW},{database.secret}"), sealed[2], 2) == EVERYTHING


def test_recovery_codes_outlive_the_old_secret(pool, rotated):
    """Users have the codes on paper. A new master key must not lock out a user who has lost the authenticator."""
    assert House(pool, NEW).factors.prove(1, rotated[1]["codes"][0]) == 9


def test_rotating_again_changes_nothing_that_can_be_read(pool, rotated):
    """The rotation may be repeated any number of times, even without the old secret."""
    assert House(pool, NEW).vault.rotate() == len(SEALED) * len(PEOPLE)
    assert _opens(House(pool, NEW), rotated[1], 1) == EVERYTHING


def test_a_forgotten_person_stays_forgotten(database, pool, sealed):
    """The rotation skips a destroyed key and does not create a new one."""
    House(pool, database.secret).vault.forget(2)
    assert House(pool, f"{NEW},{database.secret}").vault.rotate() == len(SEALED)
    assert _opens(House(pool, NEW), sealed[1], 1) == EVERYTHING
    assert database.connect().execute("SELECT key FROM vault.person_keys WHERE person = 2").fetchone() == (None,)


def test_a_rotation_that_cannot_open_something_changes_nothing(database, pool, sealed):
    """The rotation fails as a whole when one item cannot be opened, and the old secret still opens everything."""
    # Without the old secret nothing can be opened.
    with pytest.raises(InvalidToken):
        House(pool, NEW).vault.rotate()
    # One channel sealed with a foreign key makes the whole rotation fail.
    stranger = MasterKey("somebody else's").fernet.encrypt(b"text")
    database.connect().execute("UPDATE vault.channels SET sealed = %s WHERE user_id = 2", (stranger,))
    with pytest.raises(InvalidToken):
        House(pool, f"{NEW},{database.secret}").vault.rotate()
    assert _opens(House(pool, database.secret), sealed[1], 1) == EVERYTHING


def test_a_terminal_cannot_rotate(database, sealed):
    """Only the owner may read everything that is sealed."""
    for role in ("aristobot_writer", "aristobot_web", "aristobot_projector"):
        with open_pool(database.url_for(role)) as limited, pytest.raises(psycopg.errors.InsufficientPrivilege):
            House(limited, f"{NEW},{database.secret}").vault.rotate()


def test_everything_that_the_vault_holds_is_known(database):
    """A new table or column of sealed bytes in the vault must be added to the rotation."""
    rows = database.connect().execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'vault' AND data_type = 'bytea' AND column_name <> 'token_hash'"
    )
    assert {*rows.fetchall()} == {(table, column) for table, _, column in SEALED}


def test_a_wrong_code_is_refused_after_the_rotation_too(pool, rotated):
    """The second factor opens under the new secret, and still refuses wrong codes."""
    house = House(pool, NEW)
    house.now += 3000
    for code in ("000000", "0badc0de-0badc0de"):
        with pytest.raises(Invalid):
            house.factors.prove(1, code)


def test_a_rotation_there_and_back_ends_no_address(database, pool, sealed):
    """The hash under the old secret has ended, and is in use again."""
    secrets = (f"{NEW},{database.secret}", f"{database.secret},{NEW}", f"{NEW},{database.secret}", database.secret)
    for secret in secrets[:3]:
        House(pool, secret).vault.rotate()
    House(pool, f"{database.secret},{NEW}").vault.rotate()
    tokens = House(pool, database.secret).tokens
    for person in PEOPLE:
        assert tokens.owner_in(tokens.owners(), sealed[person]["token"]) == Owner(person, None, forgotten=False)


def test_names_of_channels_that_were_kept_in_clear_are_sealed(database, pool):
    """An upgrade does it. A channel that no key of ours opens stops no upgrade."""
    house, ours, foreign = House(pool, database.secret), uuid4(), uuid4()
    insert = "INSERT INTO vault.channels (id, user_id, name, sealed) VALUES (%s, %s, %s, %s)"
    with database.connect() as owner:
        for channel, person, secret in ((ours, 1, database.secret), (foreign, 2, "a stranger's")):
            sealed = MasterKey(secret).fernet.encrypt(ADDRESS.encode())
            owner.execute(insert, (channel, person, "my phone", sealed))
        migrate(database.url, database.master)
        assert owner.execute("SELECT id FROM vault.channels WHERE name IS NOT NULL").fetchall() == [(foreign,)]
    assert [(kept.id, kept.name, kept.address) for kept in house.channels.of(1)] == [(ours, "my phone", ADDRESS)]
