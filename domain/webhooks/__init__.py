"""Webhooks: deliveries and the messages in them."""
