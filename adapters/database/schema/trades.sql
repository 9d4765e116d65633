-- Finds the stream of an owner's newest trade in a market, in the log itself.

-- These functions read bytes, not JSON, like those of the orders' names.
CREATE FUNCTION log.position_key(_user integer, _broker integer, _symbol text, _owner text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT concat_ws('/', _user, _broker, encode(convert_to(_symbol, 'UTF8'), 'escape'), _owner)
$$;

CREATE FUNCTION log.position_key(_state bytea) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT concat_ws('/',
        substring(encode(_state, 'escape') FROM '"user":([0-9]+)'),
        substring(encode(_state, 'escape') FROM '"broker":([0-9]+)'),
        substring(encode(_state, 'escape') FROM '"symbol":"([^"]*)"'),
        substring(encode(_state, 'escape') FROM '"owner":"([^"]*)"'))
$$;

CREATE INDEX events_position_opened ON log.events (log.position_key(state), position DESC)
    WHERE topic = 'Position.Opened';
