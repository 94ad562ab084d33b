"""Floor 3: what users write with."""
