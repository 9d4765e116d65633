"""Protection: making the orders on an exchange match the protection that each position wants, the stop first."""
