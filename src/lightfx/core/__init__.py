"""Floor 1: pure records."""
