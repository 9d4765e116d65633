"""The console's API, one file a noun."""
