"""Executors: inline, and local worker processes."""
