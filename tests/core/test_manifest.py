"""Manifests: what of a folder counts."""

from __future__ import annotations

import itertools

import pytest
from attrs import evolve

from lightfx.core.manifest import Entry, Kind, digest_of, stays_inside

BASE = Entry("a", Kind.FILE, "blake3:1", 3)


def test_trap_bytes_without_names_and_lengths() -> None:
    """Every part counts, and no part runs into the next."""
    variants = [
        [BASE],
        [evolve(BASE, path="b")],
        [evolve(BASE, kind=Kind.LINK)],
        [evolve(BASE, data="blake3:2")],
        [evolve(BASE, size=4)],
        [evolve(BASE, executable=True)],
        [evolve(BASE, path="a,", data="lake3:1")],
        [BASE, Entry("b", Kind.FOLDER)],
        [Entry("a", Kind.FOLDER)],
        [],
    ]
    assert len({digest_of(each) for each in variants}) == len(variants)


def test_the_order_of_directory_entries_does_not_count() -> None:
    entries = [BASE, Entry("a.b", Kind.FOLDER), Entry("a/b", Kind.FOLDER), Entry("é", Kind.FILE, "blake3:1", 1)]
    assert len({digest_of(each) for each in itertools.permutations(entries)}) == 1


def test_names_that_are_no_utf_8() -> None:
    """Bytes in file names come as surrogates; they are digested as the bytes that they are."""
    assert digest_of([Entry("\udcff", Kind.FOLDER)]) != digest_of([Entry("\udcfe", Kind.FOLDER)])


@pytest.mark.parametrize(
    ("path", "target", "inside"),
    [
        ("a", "b", True),
        ("a", "./b", True),
        ("a", ".", True),
        ("a", "..", False),
        ("a", "../b", False),
        ("a", "/etc", False),
        ("a", "", False),
        ("a/b", "..", True),
        ("a/b", "../c", True),
        ("a/b", "../..", False),
        ("a/b", "../../a/c", False),
        ("a/b", "c/../../d", True),
        ("a/b", "c/../../../a/b", False),
        ("a/b/c", "../../d", True),
        ("a", "b/..", True),
        ("a", "b/../..", False),
        ("a", "..b", True),
        ("a", "b//c", True),
        ("a", "b/", True),
    ],
)
def test_links_that_stay_inside(path: str, target: str, inside: bool) -> None:
    assert stays_inside(path, target) is inside
