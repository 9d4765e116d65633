-- Webhook streams that are monitored or paused are open: somebody has to look after them.
ALTER TABLE log.open_streams DROP CONSTRAINT open_streams_kind_check,
    ADD CONSTRAINT open_streams_kind_check
    CHECK (kind IN ('order', 'unexplained', 'settled', 'position', 'alert', 'webhookstream'));

CREATE OR REPLACE FUNCTION log.opening_topics() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY['Order.Placed', 'Order.Adopted', 'Order.Refused', 'Order.Rejected', 'Order.Closed', 'Order.Cancelled',
        'Order.Expired', 'Order.Resolved', 'Order.Corrected', 'Position.Grew', 'Position.Closed', 'Alert.Raised',
        'Alert.Acknowledged', 'Alert.Ended', 'WebhookStream.Monitored', 'WebhookStream.Paused',
        'WebhookStream.BecameCritical', 'WebhookStream.Resumed', 'WebhookStream.Closed']
$$;

CREATE OR REPLACE FUNCTION log.is_open_after(_topic text, _state bytea) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE
        WHEN _topic IN ('Order.Placed', 'Order.Adopted', 'Position.Grew', 'Alert.Raised', 'WebhookStream.Monitored',
                        'WebhookStream.Paused', 'WebhookStream.BecameCritical') THEN true
        WHEN _topic = 'Order.Resolved' THEN convert_from(_state, 'UTF8')::jsonb ->> 'outcome' = 'open'
        WHEN _topic = 'Order.Corrected' THEN convert_from(_state, 'UTF8')::jsonb ->> 'theirs' = 'open'
        WHEN _topic = 'WebhookStream.Resumed' THEN convert_from(_state, 'UTF8')::jsonb ->> 'after' IS NOT NULL
        WHEN _topic = 'WebhookStream.Closed' THEN (convert_from(_state, 'UTF8')::jsonb ->> 'paused')::boolean
        WHEN _topic = ANY(log.opening_topics()) THEN false
    END;
END $$;

-- How far the webhook door has come: every delivery that it took before this time is in the log. One row.
CREATE TABLE service.door (
    id          boolean PRIMARY KEY DEFAULT true CHECK (id),
    taken_until timestamptz NOT NULL
);

-- The times at which the door could not be reached, by its own notes. Kept for 90 days after their end.
CREATE TABLE service.door_silences (
    began_at timestamptz PRIMARY KEY,
    ended_at timestamptz NOT NULL
);

-- Takes in what the door notes of itself at a time. Without a note from before its start, it was silent since the time in
-- the row. If the row is older than what the door has told already, the database was set back, and what was received
-- since then may be lost: that is a silence too. The row follows the door's clock, also when that is set back.
CREATE FUNCTION service.note_door(
    _now timestamptz, _taken_until timestamptz, _told_until timestamptz, _began timestamptz[], _ended timestamptz[],
    _started timestamptz
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = service, pg_temp AS $$
BEGIN
    INSERT INTO service.door_silences (began_at, ended_at)
        SELECT noted.began, max(noted.ended) FROM (
            SELECT * FROM unnest(_began, _ended)
            UNION ALL SELECT taken_until, _started FROM service.door WHERE taken_until < _started
            UNION ALL SELECT taken_until, _now FROM service.door WHERE taken_until < _told_until
        ) AS noted (began, ended) GROUP BY noted.began
    ON CONFLICT (began_at) DO UPDATE SET ended_at = greatest(door_silences.ended_at, EXCLUDED.ended_at);
    IF _taken_until IS NOT NULL THEN
        INSERT INTO service.door (taken_until) VALUES (_taken_until)
        ON CONFLICT (id) DO UPDATE SET taken_until = EXCLUDED.taken_until;
    END IF;
    DELETE FROM service.door_silences WHERE ended_at < (SELECT taken_until FROM service.door) - interval '90 days';
END $$;
