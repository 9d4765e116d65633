"""The sandbox: processes in which the code of strategies runs, and can reach nothing."""
