-- Least privilege: run again by every migration and every rebuild of the books.

GRANT USAGE ON SCHEMA log, vault, service TO aristobot_writer, aristobot_web;
GRANT USAGE ON SCHEMA log, vault, books TO aristobot_projector;
GRANT USAGE ON SCHEMA books TO aristobot_web;

REVOKE ALL ON FUNCTION log.append, log.append_from, log.move_follower, log.keep_open, log.keep_unexplained, log.rebuild_open FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append TO aristobot_writer, aristobot_web;
GRANT EXECUTE ON FUNCTION log.append_from TO aristobot_writer;
GRANT SELECT ON log.events, log.event_log, log.followers, log.open_streams TO aristobot_writer, aristobot_projector, aristobot_web;

GRANT SELECT, INSERT ON vault.person_keys TO aristobot_writer, aristobot_web;
GRANT SELECT ON vault.person_keys TO aristobot_projector;
GRANT SELECT ON vault.credentials, vault.webhook_tokens, vault.ended_tokens TO aristobot_writer;
GRANT SELECT, INSERT, UPDATE ON vault.passwords, vault.webhook_tokens TO aristobot_web;
GRANT INSERT, UPDATE, DELETE, SELECT (broker) ON vault.credentials TO aristobot_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault.second_factors, vault.channels TO aristobot_web;
GRANT SELECT ON vault.channels TO aristobot_writer;
REVOKE ALL ON FUNCTION vault.forget FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.forget TO aristobot_web;

GRANT SELECT, INSERT, UPDATE, DELETE ON service.sessions, service.layouts, service.drafts TO aristobot_web;
GRANT SELECT, INSERT, UPDATE ON service.invitations, service.debug_mode TO aristobot_web;
REVOKE ALL ON service.refused_attempts FROM aristobot_writer, aristobot_web;
REVOKE ALL ON FUNCTION service.count_refusals, vault.end_token FROM PUBLIC;
GRANT EXECUTE ON FUNCTION service.count_refusals TO aristobot_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON service.markets TO aristobot_writer;
GRANT SELECT ON service.markets TO aristobot_web;
REVOKE ALL ON FUNCTION service.note_door FROM PUBLIC;
GRANT EXECUTE ON FUNCTION service.note_door TO aristobot_writer;
GRANT SELECT ON service.door, service.door_silences TO aristobot_writer, aristobot_web;
GRANT SELECT, INSERT, UPDATE ON service.sweeps TO aristobot_writer;
GRANT SELECT, INSERT, DELETE ON service.equity TO aristobot_writer;
GRANT SELECT ON service.equity TO aristobot_web;
GRANT SELECT, INSERT ON service.series TO aristobot_writer;
GRANT SELECT, INSERT, UPDATE ON service.heartbeat, service.derived_blocks TO aristobot_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON service.candles, service.candle_loads TO aristobot_writer;
GRANT SELECT, INSERT ON service.candle_blocks, service.candle_bytes TO aristobot_writer;
GRANT SELECT, INSERT, DELETE ON service.bars, service.signals TO aristobot_writer;
GRANT SELECT ON service.series, service.candles, service.bars, service.signals, service.heartbeat,
    service.candle_blocks, service.candle_bytes, service.derived_blocks, service.candle_loads TO aristobot_web;
GRANT UPDATE (state, error, ended_at) ON service.candle_loads TO aristobot_web;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA books TO aristobot_projector;
GRANT SELECT ON ALL TABLES IN SCHEMA books TO aristobot_web;
