-- What the platform needs to run and is not a fact about trading.

CREATE SCHEMA service;

CREATE TABLE service.sessions (
    token_hash bytea PRIMARY KEY,
    user_id    integer NOT NULL,
    csrf       text NOT NULL,
    address    text NOT NULL,
    began_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Refused attempts that cannot be attributed to a user: counted, never logged as facts.
CREATE TABLE service.refused_attempts (
    door    text NOT NULL,
    reason  text NOT NULL,
    address text NOT NULL,
    times   bigint NOT NULL DEFAULT 1,
    last_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (door, reason, address)
);

-- The tradable pairs of each exchange, shared by all users and refreshed by the gateway.
CREATE TABLE service.markets (
    exchange  text NOT NULL,
    venue     text NOT NULL,
    symbol    text NOT NULL,
    native    text NOT NULL,
    base      text NOT NULL,
    quote     text NOT NULL,
    active    boolean NOT NULL,
    rules     jsonb NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (exchange, venue, symbol)
);
CREATE INDEX markets_active ON service.markets (exchange, active);
CREATE INDEX markets_symbol ON service.markets (symbol);
