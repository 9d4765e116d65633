"""People: users, their brokers, and whether a broker can be reached."""
