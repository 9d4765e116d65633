-- The streams that are open, kept beside the log by the append itself, so that the questions of a start or a
-- reconciliation cost the same however long the log is. Kinds: `order`, one that has not ended; `unexplained`, one of
-- which more may have been executed than its fills tell; `settled`, one that a person has declared closed, kept for
-- ever; `position`, one that holds something.

CREATE TABLE log.open_streams (
    stream uuid NOT NULL,
    kind   text NOT NULL CHECK (kind IN ('order', 'unexplained', 'settled', 'position')),
    PRIMARY KEY (kind, stream)
);

-- Returns whether a stream is open after an event, null for an event that leaves it as it was.
CREATE FUNCTION log.is_open_after(_topic text, _state bytea) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE
        WHEN _topic IN ('Order.Placed', 'Order.Adopted', 'Position.Grew') THEN true
        WHEN _topic IN ('Order.Refused', 'Order.Rejected', 'Order.Closed', 'Order.Cancelled', 'Order.Expired',
                        'Position.Closed') THEN false
        WHEN _topic = 'Order.Resolved' THEN convert_from(_state, 'UTF8')::jsonb ->> 'outcome' = 'open'
        WHEN _topic = 'Order.Corrected' THEN convert_from(_state, 'UTF8')::jsonb ->> 'theirs' = 'open'
    END;
END $$;

-- Returns how much more (base) an exchange has reported as executed than an order's fills tell, null without a report.
CREATE FUNCTION log.unexplained(_stream uuid) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT max((state ->> 'cumulative_quantity')::numeric) FILTER (WHERE topic = 'Order.Progressed')
        - coalesce(sum((state ->> 'quantity')::numeric) FILTER (WHERE topic = 'Order.Filled'), 0)
    FROM (
        SELECT topic, convert_from(state, 'UTF8')::jsonb AS state FROM log.events
        WHERE stream = _stream AND topic IN ('Order.Progressed', 'Order.Filled')
    ) AS told
$$;

-- Returns the table as it follows from the log. What the append keeps must equal it at any moment.
CREATE FUNCTION log.told_open() RETURNS TABLE (stream uuid, kind text) LANGUAGE sql STABLE AS $$
    SELECT stream, kind FROM (
        SELECT DISTINCT ON (e.stream) e.stream, lower(split_part(e.topic, '.', 1)) AS kind,
            log.is_open_after(e.topic, e.state) AS is_open
        FROM log.events AS e
        WHERE e.topic IN ('Order.Placed', 'Order.Adopted', 'Order.Refused', 'Order.Rejected', 'Order.Closed',
            'Order.Cancelled', 'Order.Expired', 'Order.Resolved', 'Order.Corrected', 'Position.Grew', 'Position.Closed')
        ORDER BY e.stream, e.version DESC
    ) AS newest WHERE is_open
    UNION ALL
    SELECT progressed.stream, 'unexplained'
    FROM (SELECT DISTINCT e.stream FROM log.events AS e WHERE e.topic = 'Order.Progressed') AS progressed
    WHERE log.unexplained(progressed.stream) > 0
    UNION ALL
    SELECT DISTINCT e.stream, 'settled' FROM log.events AS e
    WHERE e.topic = 'Order.Resolved' AND convert_from(e.state, 'UTF8')::jsonb ->> 'outcome' = 'closed'
$$;

-- Updates the table. Runs under the append lock, after the events of one commit.
CREATE FUNCTION log.keep_open(_streams uuid[], _topics text[], _states bytea[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    told record;
BEGIN
    FOR told IN
        SELECT stream, topic, state FROM unnest(_streams, _topics, _states) WITH ORDINALITY AS e (stream, topic, state, n)
        WHERE topic IN ('Order.Placed', 'Order.Adopted', 'Order.Refused', 'Order.Rejected', 'Order.Closed',
            'Order.Cancelled', 'Order.Expired', 'Order.Resolved', 'Order.Corrected', 'Order.Progressed', 'Order.Filled',
            'Position.Grew', 'Position.Closed')
        ORDER BY n
    LOOP
        IF told.topic = 'Order.Filled' THEN
            IF EXISTS (SELECT FROM log.open_streams WHERE kind = 'unexplained' AND stream = told.stream) THEN
                PERFORM log.keep_unexplained(told.stream);
            END IF;
        ELSIF told.topic = 'Order.Progressed' THEN
            PERFORM log.keep_unexplained(told.stream);
        ELSIF log.is_open_after(told.topic, told.state) THEN
            INSERT INTO log.open_streams VALUES (told.stream, lower(split_part(told.topic, '.', 1))) ON CONFLICT DO NOTHING;
        ELSE
            DELETE FROM log.open_streams
            WHERE kind = lower(split_part(told.topic, '.', 1)) AND stream = told.stream;
        END IF;
        IF told.topic = 'Order.Resolved' AND convert_from(told.state, 'UTF8')::jsonb ->> 'outcome' = 'closed' THEN
            INSERT INTO log.open_streams VALUES (told.stream, 'settled') ON CONFLICT DO NOTHING;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION log.keep_unexplained(_stream uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF log.unexplained(_stream) > 0 THEN
        INSERT INTO log.open_streams VALUES (_stream, 'unexplained') ON CONFLICT DO NOTHING;
    ELSE
        DELETE FROM log.open_streams WHERE kind = 'unexplained' AND stream = _stream;
    END IF;
END $$;

-- Rebuilds the table from the log. Reading a long log takes seconds, in which appends go on. Their lock is taken only
-- afterwards, and what was appended since the reading began is applied again; applying it twice changes nothing.
CREATE FUNCTION log.rebuild_open() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    head bigint;
    found uuid[];
    kinds text[];
BEGIN
    SELECT coalesce(max(position), 0) INTO head FROM log.events;
    SELECT array_agg(stream), array_agg(kind) INTO found, kinds FROM log.told_open();
    PERFORM pg_advisory_xact_lock(hashtext('log.events'));
    DELETE FROM log.open_streams;
    INSERT INTO log.open_streams SELECT * FROM unnest(found, kinds);
    PERFORM log.keep_open(array_agg(stream ORDER BY position), array_agg(topic ORDER BY position),
        array_agg(state ORDER BY position)) FROM log.events WHERE position > head;
    RETURN (SELECT count(*) FROM log.open_streams);
END $$;

-- Returns the differences between the table and the log; an auditor expects none.
CREATE FUNCTION log.open_differences() RETURNS TABLE (stream uuid, kind text, wrong text) LANGUAGE sql STABLE AS $$
    SELECT coalesce(kept.stream, told.stream), coalesce(kept.kind, told.kind),
        CASE WHEN kept.stream IS NULL THEN 'missing' ELSE 'not open' END
    FROM log.open_streams AS kept FULL JOIN log.told_open() AS told USING (stream, kind)
    WHERE kept.stream IS NULL OR told.stream IS NULL
$$;

CREATE OR REPLACE FUNCTION log.append(
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
        PERFORM log.keep_open(_streams, _topics, _states);
    END IF;
END $$;

-- Until now this index served to find the orders that have not ended.
DROP INDEX log.events_order_ends;

SELECT log.rebuild_open();
