"""The books: tables built from the log for reading, each rebuildable at any time with the same result."""
