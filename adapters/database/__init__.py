"""The database as a whole: its schema and its backups."""
