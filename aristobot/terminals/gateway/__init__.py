"""The gateway terminal, its clients of the exchanges, and its counter for whoever asks."""
