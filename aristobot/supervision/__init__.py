"""Supervision: starts terminals and servers, watches over them, and sets up their logs."""
