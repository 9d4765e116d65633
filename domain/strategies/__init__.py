"""Strategies: code that traders write, and its versions."""
