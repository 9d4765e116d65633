"""Trading: what follows from alerts, fills and people's decisions, decided from the log alone."""
