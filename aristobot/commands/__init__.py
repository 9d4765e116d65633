"""Commands: what the command line does besides running terminals."""
