-- Alerts that nobody has acknowledged and whose cause has not ended are open too: they are what is examined for an end.
-- From here on one function lists the topics that open or close a stream.

ALTER TABLE log.open_streams DROP CONSTRAINT open_streams_kind_check,
    ADD CONSTRAINT open_streams_kind_check CHECK (kind IN ('order', 'unexplained', 'settled', 'position', 'alert'));

CREATE FUNCTION log.opening_topics() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY['Order.Placed', 'Order.Adopted', 'Order.Refused', 'Order.Rejected', 'Order.Closed', 'Order.Cancelled',
        'Order.Expired', 'Order.Resolved', 'Order.Corrected', 'Position.Grew', 'Position.Closed', 'Alert.Raised',
        'Alert.Acknowledged', 'Alert.Ended']
$$;

CREATE OR REPLACE FUNCTION log.is_open_after(_topic text, _state bytea) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE
        WHEN _topic IN ('Order.Placed', 'Order.Adopted', 'Position.Grew', 'Alert.Raised') THEN true
        WHEN _topic = 'Order.Resolved' THEN convert_from(_state, 'UTF8')::jsonb ->> 'outcome' = 'open'
        WHEN _topic = 'Order.Corrected' THEN convert_from(_state, 'UTF8')::jsonb ->> 'theirs' = 'open'
        WHEN _topic = ANY(log.opening_topics()) THEN false
    END;
END $$;

CREATE OR REPLACE FUNCTION log.told_open() RETURNS TABLE (stream uuid, kind text) LANGUAGE sql STABLE AS $$
    SELECT stream, kind FROM (
        SELECT DISTINCT ON (e.stream) e.stream, lower(split_part(e.topic, '.', 1)) AS kind,
            log.is_open_after(e.topic, e.state) AS is_open
        FROM log.events AS e
        WHERE e.topic = ANY(log.opening_topics())
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

CREATE OR REPLACE FUNCTION log.keep_open(_streams uuid[], _topics text[], _states bytea[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    told record;
BEGIN
    FOR told IN
        SELECT stream, topic, state FROM unnest(_streams, _topics, _states) WITH ORDINALITY AS e (stream, topic, state, n)
        WHERE topic = ANY(log.opening_topics()) OR topic IN ('Order.Progressed', 'Order.Filled')
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

SELECT log.rebuild_open();
