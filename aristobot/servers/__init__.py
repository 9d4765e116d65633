"""Real servers from wheels: PostgreSQL and Valkey, started, watched and stopped by our own launcher."""
