-- What a trader has written of a strategy and not saved yet. Kept until it is saved or thrown away, or until the strategy
-- is deleted or its user forgotten.
CREATE TABLE service.drafts (
    strategy integer PRIMARY KEY,
    user_id  integer NOT NULL,
    code     text NOT NULL,
    based_on integer NOT NULL,
    history  integer NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX drafts_user ON service.drafts (user_id);

CREATE OR REPLACE FUNCTION vault.forget(_person integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp AS $$
BEGIN
    INSERT INTO vault.person_keys (person, key, forgotten_at) VALUES (_person, NULL, clock_timestamp())
        ON CONFLICT (person) DO UPDATE
        SET key = NULL, forgotten_at = coalesce(person_keys.forgotten_at, clock_timestamp());
    DELETE FROM vault.passwords WHERE user_id = _person;
    DELETE FROM vault.webhook_tokens WHERE user_id = _person;
    DELETE FROM vault.credentials WHERE user_id = _person;
    DELETE FROM vault.second_factors WHERE user_id = _person;
    DELETE FROM vault.channels WHERE user_id = _person;
    DELETE FROM service.sessions WHERE user_id = _person;
    DELETE FROM service.layouts WHERE user_id = _person;
    DELETE FROM service.equity WHERE user_id = _person;
    DELETE FROM service.drafts WHERE user_id = _person;
END $$;
