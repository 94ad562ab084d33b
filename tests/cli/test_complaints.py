"""Complaints: each trouble of the engine is said with what is wrong, by whom, and what to do."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import get_args

import pytest

from lightfx.cli.complaints import complaint_of
from lightfx.core import failures
from lightfx.core.damage import DamagedObject, MissingObject
from lightfx.core.failures import EngineFailure
from lightfx.core.names import Digest
from lightfx.core.refs import DRef, RRef

DREF = DRef("d" * 32 + "-fit")
RREF = RRef(f"{'r' * 32}-{DREF}")
TREE = Digest("blake3:" + "a" * 64)
STORE = Path("/srv/results")

SAID: list[tuple[EngineFailure, tuple[str, ...]]] = [
    (failures.NoStore(STORE), ("/srv/results: there is no store here", "--store", "`lightfx run` makes")),
    (failures.NotAStore(STORE, "it is a file"), ("/srv/results", "it is a file", "give another --store")),
    (failures.UnknownFormat(STORE, "2", 1), ("format 2", "format 1", "use the lightfx that made it")),
    (
        failures.SplitStore("/srv/results/tmp", "/srv/results/objects"),
        ("/srv/results/tmp", "/srv/results/objects", "one"),
    ),
    (failures.BadKey(STORE, "it is a link"), ("/srv/results", "it is a link", "`lightfx key new`")),
    (failures.NotPermitted("/proc/1/x", "write records"), ("/proc/1/x", "write records", "/proc/1 is ", "right")),
    (
        failures.DiskFull("/srv/results", "write records"),
        ("the disk is full", "write records", "free some", "gc --dry"),
    ),
    (failures.SystemTrouble("/srv/x", "read", "Input/output error"), ("/srv/x", "Input/output", "`lightfx doctor`")),
    (failures.SystemTrouble("zstd", "compress", "install it"), ("zstd", "cannot compress", "install it")),
    (failures.DamagedRecord("/srv/g", "not so; delete it"), ("/srv/g: a damaged record", "delete it")),
    (DamagedObject(TREE, STORE, None, ("a.txt",), "", (RREF,)), (str(TREE), "a.txt", str(RREF), "verify --repair")),
    (MissingObject(TREE, (RREF,)), (str(TREE), "is gone", str(RREF), "verify --repair")),
    (failures.IndexTrouble(STORE, "malformed"), ("the index", "malformed", "delete index.sqlite", "it is made anew")),
    (failures.IndexTrouble(STORE, "database is locked"), ("another process holds the index", "try again, or end it")),
    (failures.Closed(STORE), ("/srv/results", "is closed", "open another")),
    (failures.InUse(STORE, ("process 7 on a, of ada",)), ("process 7 on a, of ada", "try again, or wait")),
    (failures.NotStored(RREF.text), (str(RREF), "nothing is stored", "`lightfx ls`")),
    (failures.NotStored(RREF.text, "its files are gone: mend"), (str(RREF), "its files are gone: mend")),
    (failures.BadArchive(STORE, "it ends early"), ("/srv/results", "it ends early", "pack it anew")),
    (failures.CacheTrouble("ours", "read", "it is down"), ("the cache ours", "it is down", "`lightfx cache list`")),
    (failures.Unmatched(DREF, "only()", "there are two"), (str(DREF), "only()", "there are two", "another matcher")),
    (failures.Undecodable(DREF, "x is no int"), (str(DREF), "x is no int", "made anew")),
    (failures.CodeChanged(DREF), (str(DREF), "plan again")),
    (failures.NotRealized(DREF), (str(DREF), "nothing may run", "--assert-realized")),
    (failures.CannotFit(DREF, "takes 9 cores of 2"), (str(DREF), "takes 9 cores of 2", "--workers")),
    (failures.Unshippable(DREF, "install cloudpickle"), (str(DREF), "install cloudpickle")),
    (failures.PoolLost("it is killed"), ("it is killed", "run again")),
    (failures.Interrupted(), ("what had finished is stored", "run again")),
]


@pytest.mark.parametrize(("failure", "words"), SAID, ids=lambda each: type(each).__name__)
def test_what_is_wrong_by_whom_and_what_to_do(failure: EngineFailure, words: tuple[str, ...]) -> None:
    line = complaint_of(failure).line
    assert [word for word in words if word not in line] == []


def test_no_kind_of_failure_is_missing_here() -> None:
    assert {type(failure) for failure, _ in SAID} == set(get_args(EngineFailure))


def test_who_can_give_a_right_is_named(tmp_path: Path) -> None:
    mine = complaint_of(failures.NotPermitted(str(tmp_path / "not/there"), "write")).line
    assert f"{tmp_path} is yours" in mine
    if os.geteuid() == 0:
        os.chown(tmp_path, 65534, -1)
        assert (
            f"{tmp_path} is of nobody, who can give the right to {getpass.getuser()}"
            in complaint_of(failures.NotPermitted(str(tmp_path / "x"), "write")).line
        )


@pytest.mark.parametrize(
    "command", [("pull", "a" * 32 + "-x"), ("push", "a" * 32 + "-x"), ("cache", "list"), ("cache", "rm", "ours")]
)
def test_no_store_is_not_a_store_without_caches(lightfx, command) -> None:
    """Trap: one was told to add a cache to a store that is not there."""
    said = lightfx(*command, "--store", "/nowhere")
    assert said.code == 2
    assert said.err.startswith("lightfx: /nowhere: there is no store here")
