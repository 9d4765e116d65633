"""Orders: a wish, its names, its states and its fills."""
