"""The books: tables built from the log for reading. Each can be rebuilt at any time with the same result."""
