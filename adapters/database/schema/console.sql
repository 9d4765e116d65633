-- How each user has arranged the console. Kept until it is reset or its user is forgotten.
CREATE TABLE service.layouts (
    user_id    integer PRIMARY KEY,
    layout     jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What each account was worth, every few minutes, for the curves of the console. Kept for 400 days.
CREATE TABLE service.equity (
    broker   integer NOT NULL,
    user_id  integer NOT NULL,
    at       timestamptz NOT NULL,
    currency text NOT NULL,
    worth    numeric NOT NULL,
    PRIMARY KEY (broker, at)
);
CREATE INDEX equity_user ON service.equity (user_id, at);

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
END $$;
