"""Caches: places that results are shared over, and the store that asks them before anything is built."""
