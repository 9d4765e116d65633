"""Strategies: what their code may be, and what it decides."""
