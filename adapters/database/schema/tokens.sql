-- Former webhook tokens: a delivery is judged by the token that was valid when it was received. A row is kept for 90
-- days. That of a forgotten person stays, a keyed hash without any text: by it the door drops what still waits on disk.
CREATE TABLE vault.ended_tokens (
    token_hash bytea PRIMARY KEY,
    user_id    integer NOT NULL,
    ended_at   timestamptz NOT NULL
);

CREATE FUNCTION vault.end_token() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.token_hash <> NEW.token_hash THEN
        INSERT INTO vault.ended_tokens VALUES (OLD.token_hash, OLD.user_id, clock_timestamp()) ON CONFLICT DO NOTHING;
        DELETE FROM vault.ended_tokens AS ended
        WHERE ended.ended_at < clock_timestamp() - interval '90 days' AND NOT EXISTS
            (SELECT FROM vault.person_keys WHERE person = ended.user_id AND forgotten_at IS NOT NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER end_token AFTER UPDATE OR DELETE ON vault.webhook_tokens
    FOR EACH ROW EXECUTE FUNCTION vault.end_token();

-- Refusals are counted by address: addresses that have been quiet for 90 days are deleted, and there are 10,000 at most.
CREATE FUNCTION service.count_refusals(_door text, _reasons text[], _addresses text[], _times bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = service, pg_temp AS $$
BEGIN
    DELETE FROM service.refused_attempts WHERE last_at < clock_timestamp() - interval '90 days';
    INSERT INTO service.refused_attempts AS kept (door, reason, address, times)
    SELECT _door, told.reason, told.counted_as, sum(told.times)
    FROM (
        SELECT reason, times, CASE
            WHEN (SELECT count(*) FROM service.refused_attempts) < 10000
                OR EXISTS (SELECT FROM service.refused_attempts AS known
                           WHERE (known.door, known.reason, known.address) = (_door, given.reason, given.address))
            THEN address ELSE 'others' END AS counted_as
        FROM unnest(_reasons, _addresses, _times) AS given (reason, address, times)
    ) AS told
    GROUP BY told.reason, told.counted_as
    ON CONFLICT (door, reason, address) DO UPDATE
    SET times = kept.times + EXCLUDED.times, last_at = clock_timestamp();
END $$;
