"""Trading: positions, their trades, spending and figures."""
