"""Access: sessions, logging in, throttling and proof of identity."""
