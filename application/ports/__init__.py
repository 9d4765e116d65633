"""Ports: what the application asks of the world around it, each as a protocol."""
