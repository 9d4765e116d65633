"""Real servers from wheels: PostgreSQL and Valkey, started, watched and ended by our own launcher."""
