"""The log: the event store, how events are written and read, what follows it, and its proof."""
