"""Candles: the market's bars in the database. The newest are rows, older ones lie in blocks of a thousand."""
