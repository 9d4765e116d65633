"""The request and response bodies of the console's API. Decimals are strings, times are ISO 8601 in UTC."""
