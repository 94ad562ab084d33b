"""What readers may assume: which parts of a store are the truth, and who reads without leaving a trace."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from lightfx import Build, Derivation, check, evaluate, open_world, realize, stage, unwrap
from lightfx.core.failures import EngineError, NotPermitted
from lightfx.garbage import add_root, gc, list_roots
from lightfx.moving import pack, unpack
from lightfx.testing.faults import CHANGES, Call, Fault, Refusal, Watched, world_on

RAN: list[str] = []


@stage(version="1")
def text(build: Build, number: int) -> Path:
    RAN.append("text")
    (build.out / "text").write_text(f"{number}")
    return build.out / "text"


@stage(version="1")
def length(build: Build, of: Derivation[Path]) -> int:
    RAN.append("length")
    return len(build.need(of).read_text())


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store in which something is, with a root."""
    with open_world(tmp_path / "store") as world:
        evaluate(world, length(text(7)))
        unwrap(add_root(world, length(text(7)).dref))
    RAN.clear()
    return tmp_path / "store"


@pytest.mark.parametrize("create", [True, False])
def test_all_but_records_and_objects_may_be_lost(store: Path, create: bool) -> None:
    for path in store.iterdir():
        if path.name not in ("records", "objects"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with open_world(store, create=create) as world:
        assert evaluate(world, length(text(7))) == 1
        assert evaluate(world, text(7)).read_text() == "7"
        assert RAN == []
        assert evaluate(world, length(text(88))) == 2
    assert (store / "format").read_text() == '{"format": "lightfx-store", "version": 1}\n'


def test_without_roots_nothing_is_held(store: Path) -> None:
    with open_world(store) as world:
        shutil.rmtree(store / "roots")
        assert list(unwrap(list_roots(world))) == []
        assert len(unwrap(gc(world)).rrefs) == 2


def denied(call: Call) -> Fault | None:
    """All that would change something is refused, as to one who has no right to."""
    opens_to_write = call.act == "open" and call.flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    return Refusal(errno.EACCES) if opens_to_write or call.act in CHANGES - {"open", "lock"} else None


def seen(store: Path) -> dict[str, tuple[int, int]]:
    found = {str(path): path.lstat() for path in (store, *store.rglob("*")) if "index.sqlite" not in path.name}
    return {path: (status.st_mode, status.st_mtime_ns) for path, status in found.items()}


def test_who_may_not_write_reads_and_leaves_no_trace(store: Path) -> None:
    before = seen(store)
    disk = Watched(plan=denied)
    with world_on(disk, store) as world:
        assert evaluate(world, length(text(7))) == 1
        assert evaluate(world, text(7)).read_text() == "7"
        assert world.store._index._inode == 0, "its index is in memory"  # type: ignore[attr-defined]
        with pytest.raises(EngineError) as caught:
            evaluate(world, length(text(88)))
        refused = NotPermitted(str(store), "write to the store, which can be read")
        assert caught.value.failure == refused
        rref = unwrap(realize(world, text(7))).rrefs[0]
        assert world.perform.result(check(world, rref, text(7))).failure() == refused, "it does not differ"
        unwrap(pack(world, [rref], store.with_name("archive")))
        assert world.perform.result(unpack(world, store.with_name("archive"))).failure() == refused
    tried = {Path(call.paths[0]).relative_to(store).parts[0] for call in disk.calls if call.error == errno.EACCES}
    assert tried == {"claims", "runs"}, "to enter, and to keep a run; and nothing else"
    assert seen(store) == before


def test_nobody_waits_for_a_reader(store: Path) -> None:
    """Who reads is no owner: garbage is collected under him, and what he looks for then is not there."""
    with world_on(Watched(plan=denied), store) as reader, open_world(store) as world:
        path = evaluate(reader, text(7))
        assert list((store / "claims").iterdir()) == [world.store._claims._owner]  # type: ignore[attr-defined]
        (store / "roots" / length(text(7)).dref.text).unlink()
        assert len(unwrap(gc(world)).rrefs) == 2
        assert not path.exists()
        with pytest.raises(EngineError):
            evaluate(reader, text(7))
