"""The log: the event store, the form of its events, the followers' means of reading it, and its audit."""
