"""The books: how read models are projected, rebuilt, compared and read."""
