-- A follower belongs to the role that follows: no other may move it. The engine would skip what it is moved past.
ALTER TABLE log.followers ADD COLUMN role name NOT NULL DEFAULT 'aristobot_writer';

CREATE FUNCTION log.move_follower(_follower text, _position bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    owner name;
BEGIN
    UPDATE log.followers SET position = _position
    WHERE name = _follower AND position < _position AND role = session_user;
    IF NOT FOUND THEN
        SELECT role INTO owner FROM log.followers WHERE name = _follower;
        IF owner <> session_user THEN
            RAISE insufficient_privilege USING MESSAGE = format('%s may not move the follower %s', session_user, _follower);
        END IF;
        RAISE unique_violation USING MESSAGE = 'this position is recorded already', CONSTRAINT = 'followers_position';
    END IF;
END $$;

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
        PERFORM log.move_follower(_follower, _position);
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
