"""Application: the commands of the platform, its policies, and the ports through which it reaches the world."""
