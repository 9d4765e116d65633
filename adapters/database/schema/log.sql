-- The log: one table of events, appended to by one function and never changed.

CREATE SCHEMA log;

CREATE TABLE log.events (
    position    bigint PRIMARY KEY,
    stream      uuid NOT NULL,
    version     bigint NOT NULL,
    topic       text NOT NULL,
    state       bytea NOT NULL,
    recorded_at timestamptz NOT NULL,
    hash        bytea NOT NULL,
    CONSTRAINT events_stream_version UNIQUE (stream, version)
);

-- Finds the orders that have not ended, at every start of the gateway.
CREATE INDEX events_order_ends ON log.events (stream, version DESC) INCLUDE (topic)
    WHERE topic IN ('Order.Placed', 'Order.Adopted', 'Order.Refused', 'Order.Rejected', 'Order.Closed', 'Order.Cancelled',
                    'Order.Expired', 'Order.Resolved', 'Order.Corrected');

CREATE TABLE log.commands (
    command_id uuid PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE log.followers (
    name     text PRIMARY KEY,
    position bigint NOT NULL
);

-- The bytes that a hash covers in addition to the hash before. Each part is preceded by its length, so that nothing can
-- move unnoticed from one part into its neighbour.
CREATE FUNCTION log.sealed_form(_position bigint, _stream uuid, _version bigint, _topic text, _state bytea, _recorded_at timestamptz)
RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT int4send(8) || int8send(_position)
        || int4send(16) || uuid_send(_stream)
        || int4send(8) || int8send(_version)
        || int4send(octet_length(convert_to(_topic, 'UTF8'))) || convert_to(_topic, 'UTF8')
        || int4send(octet_length(_state)) || _state
        || int4send(8) || int8send((extract(epoch FROM _recorded_at) * 1000000)::bigint)
$$;

-- Runs under the append lock and sees the rows that the same INSERT has already written. So positions have no gaps,
-- recorded_at never runs backwards, and each hash follows from the one before.
CREATE FUNCTION log.seal() RETURNS trigger LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    last record;
BEGIN
    SELECT e.position, e.recorded_at, e.hash INTO last FROM log.events e ORDER BY e.position DESC LIMIT 1;
    NEW.position := coalesce(last.position, 0) + 1;
    NEW.recorded_at := greatest(clock_timestamp(), last.recorded_at);
    NEW.hash := sha256(coalesce(last.hash, ''::bytea)
        || log.sealed_form(NEW.position, NEW.stream, NEW.version, NEW.topic, NEW.state, NEW.recorded_at));
    RETURN NEW;
END $$;

CREATE TRIGGER seal BEFORE INSERT ON log.events FOR EACH ROW EXECUTE FUNCTION log.seal();

CREATE FUNCTION log.guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed';
END $$;

CREATE TRIGGER guard BEFORE UPDATE OR DELETE OR TRUNCATE ON log.events
    FOR EACH STATEMENT EXECUTE FUNCTION log.guard();

-- The only way to append. The lock, the command id, the follower's position, the events and the notice to readers are
-- one round trip and one commit. Thanks to the lock a reader can follow the log by position and miss nothing.
CREATE FUNCTION log.append(
    _streams uuid[], _versions bigint[], _topics text[], _states bytea[],
    _command uuid, _follower text, _position bigint
) RETURNS SETOF bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('log.events'));
    IF _command IS NOT NULL THEN
        INSERT INTO log.commands (command_id) VALUES (_command);
    END IF;
    IF _follower IS NOT NULL THEN
        UPDATE log.followers SET position = _position WHERE name = _follower AND position < _position;
        IF NOT FOUND THEN
            RAISE unique_violation USING MESSAGE = 'this position is recorded already', CONSTRAINT = 'followers_position';
        END IF;
    END IF;
    IF cardinality(_streams) > 0 THEN
        NOTIFY log;
        RETURN QUERY
            INSERT INTO log.events (stream, version, topic, state)
            SELECT e.stream, e.version, e.topic, e.state
            FROM unnest(_streams, _versions, _topics, _states) WITH ORDINALITY AS e (stream, version, topic, state, n)
            ORDER BY e.n
            RETURNING events.position;
    END IF;
END $$;

-- For auditors: the events as readable JSON.
CREATE VIEW log.event_log AS
    SELECT position, recorded_at, topic, stream, version, convert_from(state, 'UTF8')::jsonb AS state,
           encode(hash, 'hex') AS hash
    FROM log.events;
