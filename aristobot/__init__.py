"""The program itself: command line, settings, wiring, the terminals, the supervisor and the embedded servers."""
