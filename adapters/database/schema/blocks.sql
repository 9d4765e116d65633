-- Blocks of a thousand candles, the loads that bring history, and a cache of larger bars.
-- A block's number is its first opening time, in thousands of its timeframe since 1970.

-- The blocks of every series and timeframe. What differs from what was known is a new revision, and the old one stays.
-- Minutes become a block a day after the last of them; larger timeframes hold the exchange's own history.
-- Kept for ever.
CREATE TABLE service.candle_blocks (
    series    integer NOT NULL REFERENCES service.series,
    timeframe text NOT NULL,
    number    integer NOT NULL,
    revision  smallint NOT NULL,
    present   smallint NOT NULL,
    first_at  timestamptz NOT NULL,
    last_at   timestamptz NOT NULL,
    sha256    bytea NOT NULL,
    known_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (series, timeframe, number, revision)
);
CREATE INDEX candle_blocks_sha256 ON service.candle_blocks (sha256);

-- The bytes of blocks by their hash: open, high, low, close, volume as 1000 float8 each, the numbers of trades as 1000
-- int4, and a byte of flags for each candle, all little-endian. A backup copies each once. Kept for ever.
CREATE TABLE service.candle_bytes (
    sha256 bytea PRIMARY KEY CHECK (sha256 = sha256(data)),
    data   bytea NOT NULL
);
ALTER TABLE service.candle_bytes ALTER COLUMN data SET STORAGE EXTERNAL;

-- Larger bars made of blocks of minutes, with the hash of those. A cache: dropped when the minutes change.
CREATE TABLE service.derived_blocks (
    series    integer NOT NULL REFERENCES service.series,
    timeframe text NOT NULL,
    number    integer NOT NULL,
    basis     bytea NOT NULL,
    data      bytea NOT NULL,
    PRIMARY KEY (series, timeframe, number)
);
ALTER TABLE service.derived_blocks ALTER COLUMN data SET STORAGE EXTERNAL;

-- The loads of history that were asked for. `reached` is the time up to which candles are stored.
-- Kept for 90 days after they ended.
CREATE TABLE service.candle_loads (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    series    integer NOT NULL REFERENCES service.series,
    timeframe text NOT NULL,
    since     timestamptz NOT NULL,
    until     timestamptz NOT NULL,
    reached   timestamptz NOT NULL,
    state     text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'paused', 'cancelled', 'done')),
    candles   integer NOT NULL DEFAULT 0,
    error     text,
    asked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at  timestamptz,
    CHECK (since < until)
);
-- The same load is asked for once at a time: asked for again, it goes on until the later end.
CREATE UNIQUE INDEX candle_loads_open ON service.candle_loads (series, timeframe, since)
    WHERE state IN ('running', 'paused');

-- The binary number of 64 bits (IEEE 754) whose bytes, the lowest first, begin at a place of a block.
CREATE FUNCTION service.float8_at(data bytea, place integer) RETURNS float8
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (
        SELECT CASE WHEN bits = 0 THEN 0 ELSE
            (1 + (bits & 4503599627370495)::float8 / 4503599627370496) * power(2::float8, ((bits >> 52) & 2047) - 1023)
            * CASE WHEN bits < 0 THEN -1 ELSE 1 END END
        FROM (
            SELECT bit_or(get_byte(data, place + one)::bigint << (8 * one)) AS bits FROM generate_series(0, 7) AS one
        ) AS read
    );

-- The candles of a series (its number) and timeframe that opened within a time, as they are known now: for people who
-- look. Blocks first, with what rows say instead.
CREATE FUNCTION service.candles_in(wanted integer, frame text, since timestamptz, until timestamptz)
    RETURNS TABLE (opened_at timestamptz, open float8, high float8, low float8, close float8, volume float8)
    LANGUAGE sql STABLE STRICT
AS $$
    WITH newest AS (
        SELECT DISTINCT ON (number) first_at, number, sha256 FROM service.candle_blocks
        WHERE series = wanted AND timeframe = frame AND first_at < until AND last_at >= since
        ORDER BY number, revision DESC
    ), length AS (
        SELECT CASE right(frame, 1) WHEN 'm' THEN 60 ELSE 3600 END * left(frame, -1)::integer AS seconds
    ), packed AS (
        SELECT to_timestamp((number::bigint * 1000 + slot) * seconds) AS opened_at, data, slot
        FROM newest JOIN service.candle_bytes USING (sha256), length, generate_series(0, 999) AS slot
        WHERE get_byte(data, 44000 + slot) & 1 = 0
    ), tail AS (
        SELECT DISTINCT ON (c.opened_at) c.* FROM service.candles AS c
        WHERE c.series = wanted AND frame = '1m' AND c.opened_at >= since AND c.opened_at < until
        ORDER BY c.opened_at, c.revision DESC
    )
    SELECT p.opened_at, service.float8_at(data, slot * 8), service.float8_at(data, 8000 + slot * 8),
        service.float8_at(data, 16000 + slot * 8), service.float8_at(data, 24000 + slot * 8),
        service.float8_at(data, 32000 + slot * 8)
    FROM packed AS p WHERE p.opened_at >= since AND p.opened_at < until
        AND NOT EXISTS (SELECT FROM tail WHERE tail.opened_at = p.opened_at)
    UNION ALL
    SELECT t.opened_at, t.open::float8, t.high::float8, t.low::float8, t.close::float8, t.volume::float8 FROM tail AS t
    ORDER BY 1
$$;
