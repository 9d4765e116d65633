"""The gateway terminal, its exchange clients, and its counter for requests from other terminals."""
