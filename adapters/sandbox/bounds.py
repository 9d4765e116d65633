"""Bounds of what a worker says: its host keeps them, and whoever reads a reply insists on them."""

KINDS = frozenset({"syntax", "no_class", "many_classes", "raised", "returned", "memory", "not_loaded"})
"""The faults that a host names."""
MOST_LOGGED, LONGEST_LOGGED = 1000, 2000
"""The lines of a log that one call may write, and the characters of each; what is beyond is left out."""
LONGEST_MESSAGE, LONGEST_TRACEBACK = 2000, 20_000
"""Characters of what a fault says, and of its traceback."""
MOST_CODE_LINES = 100_001
"""The last line of the longest code."""
