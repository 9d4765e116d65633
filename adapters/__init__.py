"""The world outside: event store, vault, bus, exchanges and the paper exchange."""
