-- Webhooks that wait for their trader's approval are open: without an answer in time they are declined.
ALTER TABLE log.open_streams DROP CONSTRAINT open_streams_kind_check,
    ADD CONSTRAINT open_streams_kind_check
    CHECK (kind IN ('order', 'unexplained', 'settled', 'position', 'alert', 'webhookstream', 'webhook'));

CREATE OR REPLACE FUNCTION log.opening_topics() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY['Order.Placed', 'Order.Adopted', 'Order.Refused', 'Order.Rejected', 'Order.Closed', 'Order.Cancelled',
        'Order.Expired', 'Order.Resolved', 'Order.Corrected', 'Position.Grew', 'Position.Closed', 'Alert.Raised',
        'Alert.Acknowledged', 'Alert.Ended', 'WebhookStream.Monitored', 'WebhookStream.Paused',
        'WebhookStream.BecameCritical', 'WebhookStream.Resumed', 'WebhookStream.Closed', 'Webhook.Asked',
        'Webhook.Approved', 'Webhook.Declined']
$$;

CREATE OR REPLACE FUNCTION log.is_open_after(_topic text, _state bytea) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE
        WHEN _topic IN ('Order.Placed', 'Order.Adopted', 'Position.Grew', 'Alert.Raised', 'WebhookStream.Monitored',
                        'WebhookStream.Paused', 'WebhookStream.BecameCritical', 'Webhook.Asked') THEN true
        WHEN _topic = 'Order.Resolved' THEN convert_from(_state, 'UTF8')::jsonb ->> 'outcome' = 'open'
        WHEN _topic = 'Order.Corrected' THEN convert_from(_state, 'UTF8')::jsonb ->> 'theirs' = 'open'
        WHEN _topic = 'WebhookStream.Resumed' THEN convert_from(_state, 'UTF8')::jsonb ->> 'after' IS NOT NULL
        WHEN _topic = 'WebhookStream.Closed' THEN (convert_from(_state, 'UTF8')::jsonb ->> 'paused')::boolean
        WHEN _topic = ANY(log.opening_topics()) THEN false
    END;
END $$;
