"""Floor 3: the only place with files, processes and databases."""
