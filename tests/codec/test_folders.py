"""Paths in values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import attrs
import pytest

from lightfx.codec.values import codec_of, fields_of

# ruff: noqa: E501 -- tables
OUT = Path("/store/tmp/out")


@attrs.frozen
class Model:
    weights: Path
    logs: tuple[Path, ...] = ()
    parent: Model | None = None


@pytest.mark.parametrize(
    ("annotation", "value", "tree", "files"),
    [
        (Path, OUT, {"$path": "."}, (".",)),
        (Path | None, None, None, ()),
        (Path | str, OUT / "a b/é", {"$path": "a b/é"}, ("a b/é",)),
        (Mapping[str, Path], {"b": OUT / "b", "a": OUT / "a"}, {"b": {"$path": "b"}, "a": {"$path": "a"}}, ("b", "a")),
        (dict[int, Path], {1: OUT / "b"}, {"$pairs": [[1, {"$path": "b"}]]}, ("b",)),
        (dict[Path, int], {OUT / "b": 1, OUT / "a": 2}, {"$pairs": [[{"$path": "a"}, 2], [{"$path": "b"}, 1]]}, ("a", "b")),
        (set[Path], {OUT / "-b", OUT, OUT / "a"}, [{"$path": "."}, {"$path": "-b"}, {"$path": "a"}], (".", "-b", "a")),
        (Path | bytes | Model, OUT / "a", {"$path": "a"}, ("a",)),
        (
            Model,
            Model(OUT / "w", (OUT / "l1",), Model(OUT / "p")),
            {"weights": {"$path": "w"}, "logs": [{"$path": "l1"}],
             "parent": {"weights": {"$path": "p"}, "logs": [], "parent": None}},
            ("w", "l1", "p"),
        ),
        (list[Path] | tuple[Path, ...], [OUT / "a"], {"$type": "list[Path]", "$value": [{"$path": "a"}]}, ("a",)),
    ],
)  # fmt: skip
def test_paths_are_relative_to_their_folder(annotation: object, value: object, tree: object, files: object) -> None:
    codec = codec_of(annotation).unwrap()
    encoded = codec.encode(value, OUT).unwrap()
    assert (encoded.tree, encoded.files) == (tree, files)
    assert codec.decode(tree, OUT).unwrap() == value
    home = codec.decode(tree, Path("/home")).unwrap()
    assert codec.encode(home, Path("/home")).unwrap() == encoded


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (Path("a"), "is a relative path, which means nothing in another process: begin with build.out"),
        (Path("/etc/passwd"), "is a path outside of build.out: write the file there, or copy it"),
        (OUT.parent, "is a path outside of build.out: write the file there, or copy it"),
        (Path("/store/tmp/output"), "is a path outside of build.out: write the file there, or copy it"),
        (OUT / "../out/a", "is a path outside of build.out: write the file there, or copy it"),
        (OUT / "a/../../..", "is a path outside of build.out: write the file there, or copy it"),
        (Path("/" + str(OUT)), "is a path outside of build.out: write the file there, or copy it"),
        (OUT / "\udcff", "holds a lone surrogate, which has no UTF-8 spelling"),
        (str(OUT), "is of type str, not Path"),
        (PurePosixPath(OUT), "is of type PurePosixPath, not Path"),
    ],
)
def test_paths_elsewhere_are_refused(value: object, reason: str) -> None:
    failure = codec_of(dict[str, list[Path]]).unwrap().encode({"a": [OUT, value]}, OUT).failure()
    assert (failure.path, failure.reason) == (("a", 1), reason)


@pytest.mark.parametrize("text", ["/etc", "../a", "a/../b", "a/", "./a", "a//b", "", 1, None])
def test_stored_paths_that_were_never_written_are_refused(text: object) -> None:
    codec_of(list[Path]).unwrap().decode([{"$path": text}], OUT).failure()
    codec_of(list[Path]).unwrap().decode([{"$path": "a", "x": text}], OUT).failure()


@pytest.mark.parametrize("annotation", [dict[int, Path], Path | bytes, set[Path]])
@pytest.mark.parametrize("tree", [{"$pairs": [1]}, {"$pairs": 1}, {"$pairs": [[1]]}, {"$value": {}}, "a", {}])
def test_reading_paths_is_strict(annotation: object, tree: object) -> None:
    codec_of(annotation).unwrap().decode(tree, OUT).failure()


def test_a_parameter_is_no_path() -> None:
    fields = fields_of({"data": Path | None, "n": int}).unwrap()
    assert fields.encode({"data": None, "n": 1}).unwrap() == {"data": None, "n": 1}
    for failure in (fields.encode({"data": OUT, "n": 1}), fields.decode({"data": {"$path": "a"}, "n": 1})):
        assert failure.failure().path == ("data",)
        assert "source_file(path)" in failure.failure().reason


def test_a_key_is_a_step_of_the_path() -> None:
    codec = codec_of(dict[int, Path]).unwrap()
    assert codec.encode({7: Path("/etc")}, OUT).failure().path == (7,)
