"""Reconciliation: what an exchange says of a broker's orders, compared with the log."""
