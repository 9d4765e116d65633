"""Ports: the protocols through which the application reaches the world around it."""
