"""Sources: files and folders from outside."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightfx import (
    Build,
    Derivation,
    Left,
    Raised,
    World,
    evaluate,
    memory_world,
    open_world,
    realize,
    source_file,
    source_tree,
    stage,
)
from lightfx.core.names import Digest, short_hash
from lightfx.core.refs import DRef
from lightfx.wiring import unwrap

RAN: list[str] = []


@pytest.fixture(params=["memory", "directory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    RAN.clear()
    opened = memory_world(tmp_path / "w") if request.param == "memory" else open_world(tmp_path / "w")
    with opened as made:
        yield made


@stage(version="1")
def size(build: Build, file: Derivation[Path]) -> int:
    path = build.need(file)
    RAN.append(path.name)
    return sum(len(each.read_bytes()) for each in ([path] if path.is_file() else path.rglob("*")) if each.is_file())


def test_an_edit_rebuilds_a_revert_hits_and_a_touch_does_nothing(world: World, tmp_path: Path) -> None:
    """Scenarios 13, 58."""
    file = tmp_path / "rows.csv"
    file.write_text("1,2")
    assert evaluate(world, size(source_file(file))) == 3
    os.utime(file, (1, 1))
    assert evaluate(world, size(source_file(file))) == 3
    assert RAN == ["rows.csv"]
    file.write_text("1,2,3")
    assert evaluate(world, size(source_file(file))) == 5
    file.write_text("1,2")
    assert evaluate(world, size(source_file(file))) == 3
    assert len(RAN) == 2


def test_a_same_size_edit_within_the_same_second_is_seen(world: World, tmp_path: Path) -> None:
    """Scenario 14, the trap of whole-second times."""
    file = tmp_path / "rows.csv"
    for text in ("aaaa", "bbbb", "cccc"):
        file.write_text(text)
        os.utime(file, (1_000_000_000, 1_000_000_000))
        content = evaluate(world, source_file(file))
        assert content.read_text() == text


def test_the_original_is_out_of_reach(world: World, tmp_path: Path) -> None:
    """Scenario H43."""
    file = tmp_path / "rows.csv"
    file.write_text("1,2")
    copy = evaluate(world, source_file(file))
    assert copy != file
    assert copy.stat().st_mode & 0o222 == 0
    assert copy.stat().st_ino != file.stat().st_ino


def test_a_path_counts_for_its_own_name_alone(world: World, tmp_path: Path) -> None:
    """Equal files at two places: one input key below."""
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows.csv").write_text("1,2")
    plans = [size(source_file(tmp_path / folder / "rows.csv")) for folder in ("here", "there")]
    assert plans[0].dref != plans[1].dref
    assert [evaluate(world, plan) for plan in plans] == [3, 3]
    assert RAN == ["rows.csv"]


def test_the_name_of_a_file_counts(world: World, tmp_path: Path) -> None:
    """Scenario 11, decided: a stage sees the name, so the name is content."""
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("1,2")
        evaluate(world, size(source_file(tmp_path / name)))
    assert RAN == ["a.csv", "b.csv"]


def test_a_tree_counts_with_its_names_and_without_its_own(world: World, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "deep" / "er").mkdir(parents=True)
        (tmp_path / name / "deep" / "er" / "x").write_text("12345")
        (tmp_path / name / "empty").mkdir()
    assert evaluate(world, size(source_tree(tmp_path / "one"))) == 5
    assert evaluate(world, size(source_tree(tmp_path / "two"))) == 5
    assert len(RAN) == 1
    (tmp_path / "two" / "empty").rmdir()
    assert evaluate(world, size(source_tree(tmp_path / "two"))) == 5
    assert len(RAN) == 2


def test_a_link_out_of_a_tree_is_refused(world: World, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to("/etc/passwd")
    outcome = unwrap(realize(world, size(source_tree(tmp_path / "tree"))))
    assert isinstance(outcome, Left)
    assert "symbolic link" in outcome.reason


def test_names_with_blanks_and_quotes(world: World, tmp_path: Path) -> None:
    file = tmp_path / 'my "rows" (1) $(x) é.csv'
    file.write_text("1,2")
    assert evaluate(world, size(source_file(file))) == 3
    assert RAN == [file.name]


def test_a_missing_file_is_said_at_the_call(tmp_path: Path) -> None:
    """Scenario H47."""
    with pytest.raises(FileNotFoundError, match="nowhere"):
        source_file(tmp_path / "nowhere")
    with pytest.raises(IsADirectoryError, match="source_tree"):
        source_file(tmp_path)
    with pytest.raises(NotADirectoryError):
        source_tree(tmp_path / "nowhere")


def test_a_file_that_is_gone_when_the_run_comes_sinks_what_stands_on_it_and_comes_back(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("1,2")
    plan = size(source_file(file))
    file.unlink()
    outcome = unwrap(realize(world, plan))
    assert isinstance(outcome, Left)
    assert outcome.kind == "upstream"
    assert "FileNotFoundError" in outcome.reason
    file.write_text("1,2,3,4")
    assert evaluate(world, plan) == 7


def test_a_missing_source_itself_is_a_raised_left(world: World, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("1,2")
    plan = source_file(file)
    file.unlink()
    outcome = unwrap(realize(world, plan))
    assert isinstance(outcome, Left)
    assert isinstance(outcome.cause, Raised)
    assert "OSError" in outcome.cause.bases


def test_the_config_and_the_keys_of_a_source_are_as_the_document_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a").mkdir()
    Path("a/rows.csv").write_text("1,2")
    plan = source_file("a/rows.csv")
    place = short_hash(os.fsencode(tmp_path / "a/rows.csv").hex())
    config = {"args": {}, "code": {"source": "file"}, "name": "rows.csv", "path": "a/rows.csv", "place": place}
    with open_world(tmp_path / "w") as world:
        made = [unwrap(realize(world, plan))]
        Path("a/rows.csv").unlink()
        made.append(unwrap(realize(world, plan)))
        there = unwrap(world.store.realizations([rref for outcome in made for rref in outcome.rrefs]))
    text = json.dumps(config, separators=(",", ":"))
    keys = [there[outcome.rrefs[0]].key for outcome in made]
    manifest = json.dumps([["rows.csv", "file", Digest.of(b"1,2").text, 3, False]], separators=(",", ":"))
    resolved = text[: text.index(',"name":"')]
    assert plan.dref == DRef(f"{short_hash(text)}-rows.csv")
    assert keys[0] == Digest.of(f"{resolved}\n{Digest.of(manifest.encode())}".encode())
    assert keys[1] == Digest.of(f"{text}\nunobserved".encode())


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    """Size, nanosecond times and inode tell; proven by a file whose bytes change under unchanged marks."""
    file = tmp_path / "rows.csv"
    file.write_text("aaaa")
    os.utime(file, ns=(10**18, 10**18))
    with open_world(tmp_path / "w") as world:
        index = world.store._index  # type: ignore[attr-defined]
        status = file.stat()
        marks = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        index.remember([(str(file), marks, "blake3:" + "0" * 64)])
        told = unwrap(world.store.observe([file]))[file]
        index.remember([(str(file), (*marks[:4], marks[4] - 1), "blake3:" + "0" * 64)])
        read = unwrap(world.store.observe([file]))[file]
    assert told != read, "the digest that was noted is taken while the marks hold, and only then"


def test_one_relative_path_under_two_folders_is_two_sources(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap: what stands on them was one derivation, and one of the files was never read."""
    plans = []
    for name in ("one", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text(name)
        monkeypatch.chdir(tmp_path / name)
        plans.append(size(source_file("x")))
    assert plans[0].dref != plans[1].dref
    assert [evaluate(world, plan) for plan in plans] == [3, 5]


def test_no_absolute_path_enters_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap: absolute paths in metadata."""
    (tmp_path / "x").write_text("12")
    monkeypatch.chdir(tmp_path)
    with open_world(tmp_path / "store") as world:
        assert evaluate(world, size(source_file("x"))) == 2
    records = "".join(path.read_text() for path in (tmp_path / "store" / "records").iterdir())
    assert str(tmp_path) not in records
