"""The live connection: changed rows, pushed to open consoles."""
