"""The store: a memory double and the directory store."""
