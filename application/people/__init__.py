"""People: users, their brokers, and tests of the connections to them."""
