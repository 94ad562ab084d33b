"""Floor 2: protocols of what touches the world."""
