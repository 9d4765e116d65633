"""People: users, the names taken, and their brokers."""
