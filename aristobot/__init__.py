"""The program: command line, settings, wiring, terminals, supervisor and embedded servers."""
