"""The makings of the kit, by the name that tests and the scripts in them import."""

from lightfx.testing.makings import (
    Code,
    coded,
    entry,
    fill,
    good,
    ingested,
    listing,
    make_socket,
    outcome,
    refused,
    trouble,
    written,
)

__all__ = [
    "Code",
    "coded",
    "entry",
    "fill",
    "good",
    "ingested",
    "listing",
    "make_socket",
    "outcome",
    "refused",
    "trouble",
    "written",
]
