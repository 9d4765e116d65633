"""What the platform can be told to do: commands, policies, and the ports through which it reaches the world."""
