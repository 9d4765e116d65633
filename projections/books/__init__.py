"""The books: projecting, rebuilding, verifying and reading the read models."""
