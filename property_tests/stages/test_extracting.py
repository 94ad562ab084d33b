"""Whatever an archive says, nothing is written or led outside, and what stays is what the model says."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from lightfx.stages.extracting import Extraction, HostileArchiveError, Limits

STEPS = st.sampled_from(["a", "b", "c", "..", ".", ""])
NAMES = st.lists(STEPS, min_size=1, max_size=4).map("/".join)
MEMBERS = st.lists(
    st.one_of(
        st.tuples(st.just("file"), NAMES, st.just("")),
        st.tuples(st.just("folder"), NAMES, st.just("")),
        st.tuples(st.just("link"), NAMES, st.lists(STEPS, min_size=1, max_size=6).map("/".join)),
        st.tuples(st.just("hard"), NAMES, NAMES),
    ),
    max_size=8,
)


def add(into: Extraction, kind: str, name: str, target: str) -> None:
    parts = into.entry(name)
    if kind == "file":
        into.file(parts, io.BytesIO(b"x"), executable=False)
    elif kind == "folder":
        into.folder(parts)
    elif kind == "link":
        into.link(parts, target)
    else:
        into.copy(parts, into.entry(target))


@given(MEMBERS)
@example([("link", "a/b", ".."), ("link", "c", "a/b/../a")])
@example([("folder", "a/b/c", ""), ("link", "b", "a/b/c"), ("link", "c", "b/../../../..")])
@example([("link", "a", "b"), ("file", "b/c", ""), ("file", "a/c", "")])
@example([("link", "a", "."), ("link", "b", "a/a/a/..")])
def test_nothing_is_written_or_led_outside(members: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as made:
        outside = Path(made).resolve()
        root = outside / "one" / "root"
        root.mkdir(parents=True)
        into = Extraction(root, Limits(100, 20))
        try:
            for member in members:
                add(into, *member)
            into.finish()
        except HostileArchiveError:
            assert [each for each in root.rglob("*") if each.is_symlink()] == []
        assert [each.name for each in outside.iterdir()] == ["one"]
        assert [each.name for each in (outside / "one").iterdir()] == ["root"]
        for folder, folders, files in os.walk(root):
            for each in (*folders, *files):
                path = Path(folder) / each
                try:
                    led = path.resolve(strict=False)
                except RuntimeError:  # links in a circle, which lead nowhere
                    raise AssertionError(f"{path} goes in a circle") from None
                assert led.is_relative_to(root), f"{path} leads to {led}"
