"""The live connection: rows that changed, told to open consoles."""
