"""The heartbeat terminal: listens to the markets, closes bars to the second, and lets the platform's clock beat."""
