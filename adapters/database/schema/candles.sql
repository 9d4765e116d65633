-- The market's bars and the clock's signals. They are no facts about trading: service tables hold them.

-- The followed markets, each at one exchange and venue. Kept for ever: candles name them.
CREATE TABLE service.series (
    id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exchange text NOT NULL,
    venue    text NOT NULL,
    symbol   text NOT NULL,
    UNIQUE (exchange, venue, symbol)
);

-- Bars of one minute, with their proof. A correction is a new revision, and the old one stays.
-- Kept for ever.
CREATE TABLE service.candles (
    series    integer NOT NULL REFERENCES service.series,
    opened_at timestamptz NOT NULL,
    revision  smallint NOT NULL DEFAULT 0,
    open      numeric NOT NULL,
    high      numeric NOT NULL,
    low       numeric NOT NULL,
    close     numeric NOT NULL,
    volume    numeric NOT NULL,
    trades    integer NOT NULL,
    first_id  bigint,
    last_id   bigint,
    proof     text NOT NULL,
    known_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (series, opened_at, revision)
);

-- The messages about bars: who was away catches up here. `version` tells the proofs of one bar apart, and its
-- corrections; a bar is closed once. Kept for 90 days.
CREATE TABLE service.bars (
    series    integer NOT NULL REFERENCES service.series,
    timeframe text NOT NULL,
    closed_at timestamptz NOT NULL,
    telling   text NOT NULL,
    version   text NOT NULL,
    proof     text NOT NULL,
    told_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (series, timeframe, closed_at, telling, version)
);
CREATE INDEX bars_closed ON service.bars (closed_at);

-- The clock's signals, by source. Kept for 90 days.
CREATE TABLE service.signals (
    timeframe  text NOT NULL,
    closed_at  timestamptz NOT NULL,
    source     text NOT NULL,
    emitted_at timestamptz NOT NULL,
    PRIMARY KEY (timeframe, closed_at, source)
);

-- The state of the heartbeat, a row for each source.
CREATE TABLE service.heartbeat (
    source       text PRIMARY KEY,
    clock        text NOT NULL,
    started_at   timestamptz NOT NULL,
    stopped_at   timestamptz,
    connected_at timestamptz,
    lost_at      timestamptz,
    last_error   text
);
