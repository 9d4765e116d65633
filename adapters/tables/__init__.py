"""The service tables beside the log."""
