"""The console's API, one file per noun."""
