"""Candles: public trades become bars of one minute, those become larger ones, and a market's clock says when."""
