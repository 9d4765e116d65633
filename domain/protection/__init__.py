"""Protection: what is wanted under a stop, how much of it, and how well it stands."""
