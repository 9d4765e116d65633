-- The vault: everything secret, sealed by keys that the database does not have.

CREATE SCHEMA vault;

-- One key per person. Forgetting a person empties `key` and keeps the row, so that no new key is ever made.
CREATE TABLE vault.person_keys (
    person       integer PRIMARY KEY,
    key          bytea,
    forgotten_at timestamptz
);

CREATE TABLE vault.passwords (
    user_id    integer PRIMARY KEY,
    hash       text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE vault.credentials (
    broker    integer PRIMARY KEY,
    user_id   integer NOT NULL,
    sealed    bytea NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Tokens are found by a keyed hash and shown to their owner only.
CREATE TABLE vault.webhook_tokens (
    user_id    integer PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    sealed     bytea NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
