"""The terminals: one operating-system process per responsibility, each started by `aristobot terminal NAME`."""
