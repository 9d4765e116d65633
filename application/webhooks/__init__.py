"""Webhooks: alerts as they arrive, and the orders and moves that they lead to."""
