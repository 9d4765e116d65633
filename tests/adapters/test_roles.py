"""Each terminal's database role may do everything it needs, and nothing that could rewrite the past."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, RaiseException
from psycopg.sql import SQL, Identifier

from adapters.database.migrate import OWNER, ROLES, url_for
from adapters.vault.keys import MasterKey

EVERYBODY = (OWNER, *ROLES)
OURS = ("log", "vault", "service", "books", "public")


@pytest.fixture
def log(database):
    """Write five events and a credential."""
    database.filled(database.store())
    with database.connect() as connection:
        connection.execute("INSERT INTO vault.credentials (broker, user_id, sealed) VALUES (1, 1, 'sealed')")
    return database


# --- the log -----------------------------------------------------------------------------------------------------

REFUSED = (
    "UPDATE log.events SET state = '{}'",
    "DELETE FROM log.events",
    "TRUNCATE log.events",
    "DROP TABLE log.events CASCADE",
    "DROP SCHEMA log CASCADE",
    "ALTER TABLE log.events DISABLE TRIGGER ALL",
    "ALTER TABLE log.events DROP COLUMN hash",
    "DROP TRIGGER guard ON log.events",
    "CREATE OR REPLACE FUNCTION log.guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "SET session_replication_role = replica",
    "INSERT INTO log.events VALUES (6, gen_random_uuid(), 1, 'Order.Placed', '{}', now(), 'hash')",
    "INSERT INTO log.events (stream, version, topic, state) VALUES (gen_random_uuid(), 1, 'Order.Placed', '{}')",
    "INSERT INTO log.commands VALUES (gen_random_uuid())",
    "DELETE FROM log.commands",
    "UPDATE log.followers SET position = 0",
    "COPY log.events FROM PROGRAM 'true'",
    "CREATE TABLE log.mine (x int)",
    "CREATE TABLE public.mine (x int)",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    f"SET ROLE {OWNER}",
    f"ALTER ROLE {OWNER} PASSWORD 'mine'",
    "UPDATE vault.person_keys SET key = NULL",
    "DELETE FROM vault.person_keys",
)


@pytest.mark.parametrize("role", ROLES)
def test_nobody_rewrites_the_past(log, role):
    """An attacker who takes over a terminal can at most append events."""
    connection = log.connect(role)
    for statement in REFUSED:
        with pytest.raises(InsufficientPrivilege):
            pytest.fail(f"{role} may {statement}: {connection.execute(statement).statusmessage}")
    assert log.store().head() == 5


@pytest.mark.parametrize(
    "statement", ["UPDATE log.events SET topic = ''", "DELETE FROM log.events", "TRUNCATE log.events"]
)
def test_not_even_the_owner_by_accident(log, statement):
    """The guard also stops the owner, even for a statement that would affect no row."""
    connection = log.connect()
    for condition in ("", " WHERE false") if "TRUNCATE" not in statement else ("",):
        with pytest.raises(RaiseException, match="events are never changed"):
            connection.execute(statement + condition)


def test_roles_hold_nothing_but_reading_on_the_log(database):
    """The catalogue is queried, so tables added later are covered too."""
    query = """
        SELECT r.role, c.oid::regclass::text, p.privilege FROM pg_class AS c, unnest(%s::text[]) AS r (role),
            unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (privilege)
        WHERE c.relnamespace = 'log'::regnamespace AND c.relkind IN ('r', 'v', 'p', 'm')
            AND has_table_privilege(r.role, c.oid, p.privilege)
    """
    assert database.connect().execute(query, (list(ROLES),)).fetchall() == []


@pytest.mark.parametrize(
    ("role", "may"), [("aristobot_writer", True), ("aristobot_web", True), ("aristobot_projector", False)]
)
def test_who_may_append(database, role, may):
    """The projector only reads the log and writes the books."""
    store, order = database.store(role), database.order()
    order.refuse("stale")
    assert store.find(type(order), order.id) is None
    if may:
        assert store.save(database.order()) == [1]
    else:
        with pytest.raises(InsufficientPrivilege):
            store.recorder.insert_events([], follower=("engine", 1))
        assert store.position_of("engine") == 0


def test_web_moves_no_follower(database):
    """The engine would skip what it is moved past. Only the role that follows moves a position, and forwards only."""
    web = database.connect("aristobot_web")
    for follower in ("engine", "gateway", "alerts"):
        with pytest.raises(InsufficientPrivilege, match=f"may not move the follower {follower}"):
            web.execute("SELECT log.append('{}','{}','{}','{}',NULL,%s,99999999)", (follower,))
        with pytest.raises(InsufficientPrivilege):
            web.execute("SELECT log.append_from('{}','{}','{}','{}',NULL,%s,99999999,0)", (follower,))
    assert database.store("aristobot_web").position_of("engine") == 0
    assert database.store("aristobot_writer").save(follower=("engine", 1)) == []


# --- secrets -----------------------------------------------------------------------------------------------------


def test_web_cannot_read_credentials(log):
    """The web stores keys and sees that they exist. Only the gateway may read them."""
    web = log.connect("aristobot_web")
    assert web.execute("SELECT broker FROM vault.credentials").fetchall() == [(1,)]
    for query in ("SELECT sealed FROM vault.credentials", "SELECT * FROM vault.credentials"):
        with pytest.raises(InsufficientPrivilege):
            web.execute(query)
    with pytest.raises(InsufficientPrivilege):
        web.execute("UPDATE vault.credentials SET sealed = 'x' RETURNING sealed")


@pytest.mark.parametrize("table", ["credentials", "webhook_tokens", "passwords"])
def test_the_projector_reads_no_secret(log, table):
    """Books are made from events alone."""
    with pytest.raises(InsufficientPrivilege):
        log.connect("aristobot_projector").execute(f"SELECT * FROM vault.{table}")


def test_only_web_reads_passwords_and_sessions(log):
    """No other terminal logs users in."""
    for table in ("vault.passwords", "service.sessions"):
        log.connect("aristobot_web").execute(f"SELECT * FROM {table}")
        for role in ("aristobot_writer", "aristobot_projector"):
            with pytest.raises(InsufficientPrivilege):
                log.connect(role).execute(f"SELECT * FROM {table}")


@pytest.mark.parametrize("role", EVERYBODY)
def test_a_role_needs_its_own_password(database, role):
    """Access to the socket alone opens no connection."""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url_for(database.url, role, MasterKey("another secret")))


# --- the books ---------------------------------------------------------------------------------------------------

WITHOUT_USER = {"position", "models", "parked", "forgotten"}
A_VALUE = {
    "uuid": "gen_random_uuid()",
    "text": "gen_random_uuid()::text",
    "integer": "1",
    "bigint": "1",
    "numeric": "1",
    "boolean": "false",
    "jsonb": "'{}'",
    "timestamp with time zone": "now()",
}


def _tables(connection):
    """Return every table of the books with its columns, as listed in the catalogue."""
    query = """
        SELECT table_name, column_name, data_type FROM information_schema.columns
        WHERE table_schema = 'books' ORDER BY table_name, ordinal_position
    """
    tables = {}
    for table, column, kind in connection.execute(query):
        tables.setdefault(table, {})[column] = kind
    return tables


@pytest.fixture
def books(database):
    """Fill each table that has a `user_id` with one row of user 1 and one of user 2, and return these tables."""
    connection = database.connect()
    tables = {name: columns for name, columns in _tables(connection).items() if "user_id" in columns}
    for name, columns in tables.items():
        for user in (1, 2):
            values = [SQL(str(user) if column == "user_id" else A_VALUE[kind]) for column, kind in columns.items()]
            table = Identifier("books", name)
            connection.execute(SQL("INSERT INTO {} VALUES ({})").format(table, SQL(", ").join(values)))
    return tables


def test_every_table_of_the_books_belongs_to_users(database):
    """A table without `user_id` would be visible to every user. The four such tables hold no user's data."""
    tables = _tables(database.connect())
    assert {name for name, columns in tables.items() if "user_id" not in columns} == WITHOUT_USER
    assert len(tables) > len(WITHOUT_USER)


def _as_user(web, user, local=False):
    web.execute("SELECT set_config('aristobot.user', %s, %s)", (user, local))


def _seen(web, books):
    """Return the users whose rows a connection sees, table by table."""
    queries = [SQL("SELECT user_id FROM {}").format(Identifier("books", name)) for name in books]
    return [web.execute(query).fetchall() for query in queries]


def test_web_sees_one_user_only(database, books):
    """A query without a WHERE clause shows no other user's rows, in any table."""
    web = database.connect("aristobot_web")
    for user in (1, 2):
        _as_user(web, str(user))
        assert _seen(web, books) == [[(user,)] for _ in books], list(books)


def test_web_sees_nothing_without_a_user(database, books):
    """No row is visible while no user is set.

    That holds before one is set, after the transaction that set one, with an empty name and as an unknown user.
    """
    web, nothing = database.connect("aristobot_web"), [[] for _ in books]
    assert _seen(web, books) == nothing
    with web.transaction():
        _as_user(web, "1", local=True)
        assert _seen(web, books) == [[(1,)] for _ in books]
    assert _seen(web, books) == nothing
    for user in ("", "3"):
        _as_user(web, user)
        assert _seen(web, books) == nothing


def test_web_only_reads_the_books(database, books):
    """Only the projector writes the books, from the log."""
    web = database.connect("aristobot_web")
    _as_user(web, "1")
    for name in (*books, *WITHOUT_USER):
        for statement in ("DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}"):
            with pytest.raises(InsufficientPrivilege):
                web.execute(SQL(statement).format(Identifier("books", name)))


def test_the_projector_sees_all_rows_and_makes_no_tables(database, books):
    """The projector writes rows; `migrate` creates tables."""
    projector = database.connect("aristobot_projector")
    for name in books:
        table = Identifier("books", name)
        assert projector.execute(SQL("SELECT count(*) FROM {}").format(table)).fetchone() == (2,)
        with pytest.raises(InsufficientPrivilege):
            projector.execute(SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY").format(table))
    with pytest.raises(InsufficientPrivilege):
        projector.execute("CREATE TABLE books.mine (x int)")


# --- the catalogue -----------------------------------------------------------------------------------------------


def test_no_role_is_above_the_rules(database):
    """Neither the owner nor a terminal's role is a superuser, bypasses row-level security or may replicate.

    No terminal's role is a member of another role.
    """
    connection = database.connect()
    query = "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND (rolsuper OR rolbypassrls OR rolreplication)"
    assert connection.execute(query, (list(EVERYBODY),)).fetchall() == []
    query = "SELECT member::regrole::text FROM pg_auth_members WHERE member::regrole::text = ANY(%s)"
    assert connection.execute(query, (list(ROLES),)).fetchall() == []


def test_everything_belongs_to_the_owner(database):
    """The owner of a table could switch off its rules, so no terminal's role owns anything."""
    query = """
        WITH ours AS (SELECT oid, nspname, nspowner FROM pg_namespace WHERE nspname = ANY(%s))
        SELECT relowner::regrole::text FROM pg_class JOIN ours ON relnamespace = ours.oid
        UNION SELECT proowner::regrole::text FROM pg_proc JOIN ours ON pronamespace = ours.oid
        UNION SELECT nspowner::regrole::text FROM ours WHERE nspname <> 'public'
    """
    assert database.connect().execute(query, (list(OURS),)).fetchall() == [(OWNER,)]


def test_no_role_may_create_in_any_schema(database):
    """An object created in the right schema could be mistaken for one of the platform's."""
    query = """
        SELECT r.role, n.nspname FROM pg_namespace AS n, unnest(%s::text[]) AS r (role)
        WHERE n.nspname NOT LIKE 'pg\\_%%' AND has_schema_privilege(r.role, n.oid, 'CREATE')
    """
    assert database.connect().execute(query, (list(ROLES),)).fetchall() == []


def test_functions_with_the_owners_rights_are_closed(database):
    """Each such function pins its `search_path`, `pg_temp` last. Only roles named in `grants.sql` may call it."""
    query = """
        SELECT oid::regprocedure::text, proconfig, has_function_privilege('public', oid, 'EXECUTE') FROM pg_proc
        WHERE prosecdef AND pronamespace::regnamespace::text = ANY(%s)
    """
    found = database.connect().execute(query, (list(OURS),)).fetchall()
    assert found
    for name, settings, everybody in found:
        pinned = [setting for setting in settings or () if setting.startswith("search_path=")]
        assert pinned, name
        assert pinned[0].endswith("pg_temp"), name
        assert not everybody, name
