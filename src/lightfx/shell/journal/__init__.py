"""Journals: nobody listens, or a callable does; and one that keeps each run in a file."""
