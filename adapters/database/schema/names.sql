-- Finds the order that bears a client id, or an exchange's id, in the log itself: a table beside it could lag behind
-- what was just sent.

-- These functions read bytes, not JSON: a row whose state was tampered with can still be indexed and inspected.
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
