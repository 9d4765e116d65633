-- The notice of an append names the topics of its events: a reader that waits for none of them sleeps on.
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
        PERFORM pg_notify('log', (SELECT string_agg(DISTINCT topic, ' ') FROM unnest(_topics) AS topic));
        RETURN QUERY
            INSERT INTO log.events (stream, version, topic, state)
            SELECT e.stream, e.version, e.topic, e.state
            FROM unnest(_streams, _versions, _topics, _states) WITH ORDINALITY AS e (stream, version, topic, state, n)
            ORDER BY e.n
            RETURNING events.position;
        PERFORM log.keep_open(_streams, _topics, _states);
    END IF;
END $$;
