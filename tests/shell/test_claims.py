"""Claims between real processes: refused while the owner lives, taken over when it is dead, by one."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from errands import lives, until
from makings import good, trouble
from scenes import Other, key

from lightfx import open_world
from lightfx.core.failures import SystemTrouble
from lightfx.shell.store.claims import Claims
from lightfx.shell.store.directory import open_directory


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_refused_while_the_owner_lives_and_granted_when_it_gives_back(root: Path) -> None:
    with Other("converse", root) as one, Other("converse", root) as two:
        assert one.hear() == two.hear() == "open"
        assert one.ask("claim", "k") == "granted"
        assert two.ask("claim", "k") == "refused"
        assert two.ask("claim", "other") == "granted"
        one.ask("release", "k")
        assert two.ask("claim", "k") == "granted"
        assert one.ask("claim", "k") == "refused"
        two.ask("close")
        assert one.ask("claim", "k") == "granted"


def test_taken_over_when_the_owner_was_killed(root: Path) -> None:
    with Other("converse", root) as dead, Other("converse", root) as heir:
        assert dead.hear() == heir.hear() == "open"
        assert dead.ask("claim", "k") == "granted"
        assert heir.ask("claim", "k") == "refused"
        dead.kill()
        assert heir.ask("claim", "k") == "granted"


def test_who_is_stopped_is_alive(root: Path) -> None:
    with Other("converse", root) as stopped, Other("converse", root) as other:
        assert stopped.hear() == other.hear() == "open"
        assert stopped.ask("claim", "k") == "granted"
        stopped.signal(signal.SIGSTOP)
        assert until(lambda: " T " in Path(f"/proc/{stopped.pid}/stat").read_text())
        assert other.ask("claim", "k") == "refused"
        good(open_directory(root).bind(lambda store: store.close()))
        stopped.signal(signal.SIGCONT)
        assert stopped.ask("claim", "k") == "granted"
        assert other.ask("claim", "k") == "refused"


def test_of_those_who_race_for_a_dead_owners_claim_one_gets_it(root: Path) -> None:
    with Other("race", root, "0") as a, Other("race", root, "0") as b, Other("race", root, "0") as c:
        racers = [a, b, c]
        assert [racer.hear() for racer in racers] == ["open"] * 3
        with Other("converse", root) as dead:
            dead.hear()
            assert dead.ask("claim", "0") == "granted"
            dead.kill()
        for racer in racers:
            racer.tell("go")
        assert sorted(racer.hear() for racer in racers) == ["granted", "refused", "refused"]


def test_many_claims_of_a_dead_owner_are_each_buried_once(tmp_path: Path) -> None:
    """In one process, step by step: two heirs ask for all of it."""
    for folder in ("claims", "tmp"):
        (tmp_path / folder).mkdir()
    keys = [key(str(number)) for number in range(50)]
    dead, one, two = Claims(tmp_path), Claims(tmp_path), Claims(tmp_path)
    assert dead.claim(keys) == set(keys)
    os.close(dead._lock)
    first, second = one.claim(keys[::2]), two.claim(keys)
    assert first == set(keys[::2])
    assert second == set(keys[1::2])
    for claims in (one, two):
        claims.close()
        claims.close()
    assert [path.name for path in (tmp_path / "claims").iterdir()] == [dead._owner.name]
    Claims(tmp_path).sweep()
    assert not dead._owner.exists()


def test_what_was_taken_before_an_error_is_held(tmp_path: Path) -> None:
    """Trap: a claim that its own holder does not know of is never given back, and never granted again."""
    store = good(open_directory(tmp_path / "store"))
    with_error = [key("a"), key("b")]
    in_the_way = store.root / "claims" / key("b").hex
    in_the_way.mkdir()
    assert isinstance(trouble(store.claim(with_error)), SystemTrouble)
    in_the_way.rmdir()
    assert good(store.claim(with_error)) == set(with_error)
    good(store.close())
    assert list((store.root / "claims").iterdir()) == []


def test_a_dead_owners_claims_and_folders_are_swept(root: Path) -> None:
    with Other("converse", root) as dead:
        dead.hear()
        dead.ask("claim", "k")
        half = Path(dead.ask("half"))
        with Other("converse", root) as living:
            living.hear()
            theirs = Path(living.ask("half"))
            living.ask("claim", "mine")
            assert half.exists()
            dead.kill()
            assert not lives(dead.pid)
            store = good(open_directory(root))
            assert not half.parent.exists()
            assert (theirs / "c").read_bytes() == b"done"
            assert good(store.claim([key("k"), key("mine")])) == {key("k")}
            good(store.close())
    assert len(list((root / "claims").glob("owner-*"))) == 1


def test_what_cannot_be_swept_now_is_left_to_the_next(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap: something that the dead owner started still writes into its folder."""
    with Other("converse", root) as dead:
        dead.hear()
        half = Path(dead.ask("half"))
        dead.kill()
    rmdir = os.rmdir
    monkeypatch.setattr(os, "rmdir", lambda path: ((Path(path) / "late").touch(), rmdir(path)))
    store = good(open_directory(root))
    assert half.parent.exists()
    monkeypatch.undo()
    good(store.close())
    good(good(open_directory(root)).close())
    assert not half.parent.exists()


def test_strangers_in_the_private_folders_are_swept(root: Path) -> None:
    """Trap: half of a format file, of a process killed while it made the store, made it unusable for ever."""
    good(good(open_directory(root)).close())
    (root / "tmp" / "format-12345").write_text("half")
    (root / "tmp" / "nobodys").mkdir()
    store = good(open_directory(root))
    assert [path.name for path in (root / "tmp").iterdir()] == [store.place().parent.name]
    good(store.close())


def test_what_died_as_it_was_born_is_swept_when_it_is_old(tmp_path: Path) -> None:
    """Trap: an owner that dies between making its file and locking it."""
    with open_world(tmp_path / "store"):
        pass
    claims = tmp_path / "store" / "claims"
    for name, age in (("newborn-old", 3600), ("newborn-young", 0)):
        (claims / name).touch()
        os.utime(claims / name, (time.time() - age,) * 2)
    with open_world(tmp_path / "store"):
        assert not (claims / "newborn-old").exists()
        assert (claims / "newborn-young").exists()
