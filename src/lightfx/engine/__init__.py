"""Floor 3: drives the plan through the effects."""
