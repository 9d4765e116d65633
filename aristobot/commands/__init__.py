"""Commands: the work of the command line other than running terminals."""
