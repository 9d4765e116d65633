-- Appends decisions only if their follower still stands where it began to judge (`_from`). Otherwise some of what it
-- has read was already judged: by another process, or in a commit of its own whose answer was lost.
CREATE FUNCTION log.append_from(
    _streams uuid[], _versions bigint[], _topics text[], _states bytea[],
    _command uuid, _follower text, _position bigint, _from bigint
) RETURNS SETOF bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('log.events'));
    IF NOT EXISTS (SELECT FROM log.followers WHERE name = _follower AND position = _from) THEN
        RAISE unique_violation USING MESSAGE = 'this follower stands elsewhere', CONSTRAINT = 'followers_position';
    END IF;
    RETURN QUERY SELECT log.append(_streams, _versions, _topics, _states, _command, _follower, _position);
END $$;
