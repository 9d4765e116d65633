"""Supervision: starting terminals and servers, watching them, and their logs."""
