"""The shapes of the console's API. Decimals are texts, times ISO 8601 in UTC."""
