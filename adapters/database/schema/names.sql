-- Which order bears a client id, or an exchange's id, is asked of the log itself: a table beside it could lag behind what was just sent.

-- It reads bytes and not JSON: whatever somebody has done to a state, its row can still be looked at.
CREATE FUNCTION log.client_order_id(_state bytea) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT substring(encode(_state, 'escape') FROM '"client_order_id":"([^"]*)"')
$$;

CREATE INDEX events_client_order_id ON log.events (log.client_order_id(state))
    WHERE topic IN ('Order.Placed', 'Order.AmendRequested');

CREATE FUNCTION log.exchange_order_id(_state bytea) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT substring(encode(_state, 'escape') FROM '"exchange_order_id":"([^"]*)"')
$$;

CREATE INDEX events_exchange_order_id ON log.events (log.exchange_order_id(state))
    WHERE topic IN ('Order.Accepted', 'Order.Adopted', 'Order.Amended');
