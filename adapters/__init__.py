"""The adapters to the outside world: event store, vault, bus, exchanges and the paper exchange."""
