"""Floor 5: the command line, where a failure becomes a sentence."""
