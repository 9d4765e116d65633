"""Native exchange clients, one folder per exchange, all behind the same port."""
