"""The alerts terminal: sends alerts, and raises those that no event in the log leads to."""
