"""The receiver terminal: the webhook door, the way of deliveries into the log, and what it knows of strangers."""
