"""What the gateway knows of one broker's orders: its account, what was said of each, and what is in doubt."""
