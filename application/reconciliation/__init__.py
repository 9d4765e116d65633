"""Reconciliation: comparing a broker's orders in the log with what its exchange reports."""
