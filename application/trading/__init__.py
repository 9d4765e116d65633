"""Trading: the consequences of alerts, fills and people's decisions, decided from the log alone."""
