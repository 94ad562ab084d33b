"""Floor 2: pure decisions over the core."""
