-- Accounts: sessions with an id, invitations, second factors, alert channels, and forgetting a person.

ALTER TABLE service.sessions
    ADD COLUMN id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    ADD COLUMN agent text NOT NULL DEFAULT '';

-- Codes that let one person create an account, once.
CREATE TABLE service.invitations (
    code_hash  bytea PRIMARY KEY,
    made_by    integer NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

-- The switch of the debug mode, which logs a developer in without typing: one row.
CREATE TABLE service.debug_mode (
    id         integer PRIMARY KEY CHECK (id = 1),
    is_active  boolean NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO service.debug_mode (id, is_active) VALUES (1, false);

CREATE TABLE vault.second_factors (
    user_id   integer PRIMARY KEY,
    sealed    bytea NOT NULL,
    confirmed boolean NOT NULL DEFAULT false,
    last_step bigint NOT NULL DEFAULT 0,
    recovery  bytea[] NOT NULL DEFAULT '{}'
);

CREATE TABLE vault.channels (
    id      uuid PRIMARY KEY,
    user_id integer NOT NULL,
    name    text NOT NULL,
    sealed  bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (user_id, name)
);

-- Forgets a person: deletes every secret, and keeps the row of the key as a tombstone, so that no new key is made.
CREATE FUNCTION vault.forget(_person integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
BEGIN
    INSERT INTO vault.person_keys (person, key, forgotten_at) VALUES (_person, NULL, clock_timestamp())
        ON CONFLICT (person) DO UPDATE
        SET key = NULL, forgotten_at = coalesce(person_keys.forgotten_at, clock_timestamp());
    DELETE FROM vault.passwords WHERE user_id = _person;
    DELETE FROM vault.webhook_tokens WHERE user_id = _person;
    DELETE FROM vault.credentials WHERE user_id = _person;
    DELETE FROM vault.second_factors WHERE user_id = _person;
    DELETE FROM vault.channels WHERE user_id = _person;
    DELETE FROM service.sessions WHERE user_id = _person;
END $$;
