"""Journals: nobody listens, or a callable does."""
