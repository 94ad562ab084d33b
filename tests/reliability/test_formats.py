"""Formats: a store of each that there ever was opens, is verified, and is used; one that is newer is not touched."""

from __future__ import annotations

import shutil
from pathlib import Path

import format_stages
import pytest
from protocol import Record

from lightfx import Left, evaluate, open_world, realize, unwrap
from lightfx.core.failures import EngineError, UnknownFormat
from lightfx.core.layout import FORMAT_VERSION
from lightfx.garbage import list_roots
from lightfx.looking import allrrefs
from lightfx.upkeep import doctor, verify

FIXTURES = Path(__file__).parent / "fixtures"
FORMATS = sorted(path.name for path in FIXTURES.glob("format-*"))

pytestmark = [
    pytest.mark.quick,
    pytest.mark.reliability(
        "D16",
        "formats: a store of this version, and one of a newer",
        passes="opens, is sound, is used; the newer one is refused and not touched",
    ),
]


def unpacked(kept: Path, store: Path) -> Path:
    """Make a store of a fixture: git keeps neither rights, but for the right to run, nor empty folders."""
    shutil.copytree(kept, store, symlinks=True)
    for name in ("claims", "runs", "tmp"):
        (store / name).mkdir(exist_ok=True)
    for path in (*store.glob("records/*"), *store.glob("roots/*"), *store.glob("objects/**/*")):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o555 if path.stat().st_mode & 0o100 else 0o444)
    for path in sorted(store.glob("objects/**/"), reverse=True):
        if path != store / "objects":
            path.chmod(0o555)
    return store


def seen(store: Path) -> dict[str, tuple[int, int, bytes]]:
    """All that is in a store: mode, time, bytes."""
    return {
        str(path): (status.st_mode, status.st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in (store, *store.rglob("*"))
        for status in (path.lstat(),)
    }


def test_this_format_has_a_fixture() -> None:
    assert f"format-{FORMAT_VERSION}" in FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_a_store_of_a_released_format_is_sound_and_is_used(tmp_path: Path, name: str, record_property: Record) -> None:
    format_stages.RAN.clear()
    store = unpacked(FIXTURES / name, tmp_path / "store")
    with open_world(store) as world:
        found = unwrap(verify(world))
        assert found.damages == ()
        record_property("found", f"{found.records} records, {found.objects} objects")
        values = {label: evaluate(world, plan) for label, plan in format_stages.RIGHTS.items()}
        files = values.pop("files")
        assert values == {"even": 0, "cut off": 0, "ephemeral": 5, "asks": 6}
        assert isinstance(files, Path)
        assert (files / "link").read_text() == "1\n"
        lefts = {label: unwrap(realize(world, plan)) for label, plan in format_stages.LEFTS.items()}
        kinds = {label: left.kind for label, left in lefts.items() if isinstance(left, Left)}
        assert kinds == {"left": "returned", "upstream": "upstream"}
        assert format_stages.RAN == []
        assert [root.name for root in unwrap(list_roots(world))] == ["files"]
        assert len(unwrap(allrrefs(world))) == found.records


def test_what_is_made_today_has_the_names_of_the_fixture(tmp_path: Path) -> None:
    """Derivations, realizations and objects: one that was renamed would be made again, everywhere."""
    store = unpacked(FIXTURES / f"format-{FORMAT_VERSION}", tmp_path / "store")
    format_stages.make(str(tmp_path / "new"))
    with open_world(store) as old, open_world(tmp_path / "new") as new:
        assert unwrap(allrrefs(old)) == unwrap(allrrefs(new))
    names = [sorted(path.name for path in (each / "objects").iterdir()) for each in (store, tmp_path / "new")]
    assert names[0] == names[1]


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 0])
@pytest.mark.parametrize("create", [True, False])
def test_a_store_of_another_format_is_refused_and_not_touched(tmp_path: Path, version: int, create: bool) -> None:
    store = unpacked(FIXTURES / f"format-{FORMAT_VERSION}", tmp_path / "store")
    (store / "format").write_text(f'{{"format": "lightfx-store", "version": {version}}}\n')
    before = seen(store)
    for act in (
        lambda: open_world(store, create=create),
        lambda: open_world(store, create=create, mending=True),
        lambda: unwrap(doctor(store, fix=True)),
    ):
        with pytest.raises(EngineError) as caught:
            act()
        assert caught.value.failure == UnknownFormat(store, str(version), FORMAT_VERSION)
        assert f"format {version}" in str(caught.value)
        assert f"format {FORMAT_VERSION}" in str(caught.value)
    assert seen(store) == before
