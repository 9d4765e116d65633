"""Webhooks: the alerts that arrive, and the orders and moves of protection that follow from them."""
