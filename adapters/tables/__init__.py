"""Service tables beside the log."""
