"""Nodes: parameters and small files, given and stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightfx import (
    Build,
    Derivation,
    Left,
    UnstorableError,
    evaluate,
    lens,
    memory_world,
    realize,
    redefined,
    stage,
    unwrap,
)
from lightfx.ready import node


@stage(version="1")
def listed(build: Build, folder: Derivation[Path]) -> list[str]:
    inside = build.need(folder)
    return sorted(path.relative_to(inside).as_posix() for path in inside.rglob("*") if path.is_file())


def test_a_node_holds_what_it_is_given(tmp_path: Path) -> None:
    world = memory_world(tmp_path)
    base = node({"rate": 0.5}, {"a.txt": b"one", "deep/b.bin": b"\xff\0"}, name="base")
    folder = evaluate(world, base)
    assert ((folder / "a.txt").read_bytes(), (folder / "deep" / "b.bin").read_bytes()) == (b"one", b"\xff\0")
    assert evaluate(world, listed(base)) == ["a.txt", "deep/b.bin"]
    seen = lens(unwrap(realize(world, node({"of": base, "n": [1, None]}))), world)
    assert (seen.of.rate.value, seen.n.value, seen.of["a.txt"].text) == (0.5, [1, None], "one")
    assert seen.of.artifacts["deep/b.bin"].value == b"\xff\0"
    assert list(seen.path.iterdir()) == []


def test_contents_and_parameters_are_the_identity() -> None:
    plans = [
        node({"a": 1}),
        node({"a": 2}),
        node({"a": 1}, {"x": b""}),
        node({"a": 1}, {"x": b"1"}),
        node({}, name="b"),
    ]
    assert len({each.dref for each in plans}) == 5
    assert node({"a": 1, "b": 2}, {"x": b"1"}) == node({"b": 2, "a": 1}, {"x": b"1"})


@pytest.mark.parametrize("path", ["../x", "/x", "", "a/../../b", "a\0b", "."])
def test_an_artifact_lies_in_the_folder(path: str) -> None:
    with pytest.raises(ValueError, match="no plain relative path"):
        node({}, {path: b""})


def test_what_cannot_be_given_is_refused() -> None:
    with pytest.raises(ValueError, match="artifacts are given by the second argument"):
        node({"artifacts": 1})
    with pytest.raises(UnstorableError, match="rate is infinite"):
        node({"rate": float("inf")})


def test_text_is_no_artifact() -> None:
    """The trap: what was no bytes became an empty file, without a word."""
    with pytest.raises(TypeError, match="the artifact 'x' is of type str, not bytes: encode it"):
        node({}, {"x": "text"})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="'x' is of type bytearray, not bytes"):
        node({}, {"x": bytearray(b"1")})  # type: ignore[dict-item]


def test_both_can_be_given_by_name() -> None:
    assert node(config={"a": 1}, artifacts={"x": b"1"}) == node({"a": 1}, {"x": b"1"})


@pytest.mark.parametrize("artifacts", [{"x": "text"}, {"../x": b"1"}])
def test_an_artifact_that_was_changed_to_none_is_left(tmp_path: Path, artifacts: dict[str, object]) -> None:
    changed = redefined(node({}, {"x": b"1"}), config=lambda old: {**old, "artifacts": artifacts})
    outcome = unwrap(realize(memory_world(tmp_path / "world"), changed))
    assert isinstance(outcome, Left)
    assert outcome.kind == "bad_output"
    assert not list(tmp_path.rglob("x"))
