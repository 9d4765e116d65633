"""The alerts terminal: sends alerts, and notices what no event says."""
