"""Claims between real processes: refused while the owner lives, taken over when it is dead, by one.

Those who are ``abroad`` say that they are on other hosts; their locks reach
nobody, unless they are ``real``.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve
from errands import lives, until
from makings import good, trouble
from scenes import SHORT, Other, key, visitor

from lightfx import open_world
from lightfx.core.failures import SystemTrouble
from lightfx.core.names import Digest
from lightfx.shell.store.claims import Claims
from lightfx.shell.store.directory import open_directory
from lightfx.shell.store.owners import Host, Lease, read_owner, this_host
from lightfx.testing.faults import Refusal, Watched, every


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


@pytest.mark.quick
@pytest.mark.reliability("D13", "a process is stopped, on one host", passes="it holds its claims")
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


@pytest.mark.parametrize("said", [b"", None], ids=["nothing", "another boot"])
def test_who_died_with_the_machine_is_dead_on_a_disk_of_its_own(bare: Path, said: bytes | None) -> None:
    """Trap: after a power cut everybody waited a minute for one of whom there was left what named another boot."""
    before = Claims(bare, host=evolve(this_host(), boot="the boot before"))
    assert before.claim([key("k")]) == {key("k")}
    os.close(before._lock)
    before._heart.stop()
    if said is not None:
        before._owner.write_bytes(said)
    elsewhere, here = Claims(bare, shared=True), Claims(bare)
    assert elsewhere.claim([key("k")]) == set(), "it may live on another machine"
    assert here.claim([key("k")]) == {key("k")}
    here.sweep()
    assert not before._owner.exists() and not before.private.exists()
    for claims in (elsewhere, here):
        claims.close()


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

    def late(path: str, *, dir_fd: int | None = None) -> None:
        os.close(os.open(f"{path}/late", os.O_WRONLY | os.O_CREAT, dir_fd=dir_fd))
        rmdir(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", late)
    store = good(open_directory(root))
    assert half.parent.exists()
    monkeypatch.undo()
    good(store.close())
    good(good(open_directory(root)).close())
    assert not half.parent.exists()


def test_strangers_in_the_private_folders_are_swept(root: Path) -> None:
    """Trap: half of a format file, of a process killed while it made the store, made it unusable for ever."""
    good(good(open_directory(root)).close())
    strangers = [root / "tmp" / "format-12345", root / "tmp" / "nobodys", root / "tmp" / "young"]
    strangers[0].write_text("half")
    for folder in strangers[1:]:
        folder.mkdir()
    for old in strangers[:2]:
        os.utime(old, (time.time() - 3600, time.time() - 3600))
    store = good(open_directory(root))
    assert strangers[2].exists(), "its owner may not be seen yet"
    strangers[2].rmdir()
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


# Other hosts.


def now(beside: Path) -> float:
    """The time, by the clock of the file system."""
    beside.touch()
    return beside.stat().st_mtime


def age(path: Path, beside: Path) -> float:
    """How long ago a file was touched."""
    return now(beside) - path.stat().st_mtime


def granted_in_the_end(other: Other, text: str) -> bool:
    return until(lambda: other.ask("claim", text) == "granted")


@pytest.mark.quick
@pytest.mark.reliability("D14", "hosts whose clocks are days apart", passes="who lives keeps its claims")
def test_who_lives_on_another_host_keeps_its_claims(root: Path, tmp_path: Path) -> None:
    """Longer than its lease, whatever the clocks of the hosts say."""
    with Other("abroad", root, "a", "alike", 86400) as owner, Other("abroad", root, "b", "alike", -86400) as other:
        assert owner.hear() == other.hear() == "open"
        assert owner.ask("claim", "k") == "granted"
        begun = now(tmp_path / "now")
        while now(tmp_path / "now") < begun + 2 * SHORT.lease:
            assert other.ask("claim", "k") == "refused"
        owner.ask("release", "k")
        assert other.ask("claim", "k") == "granted"
        assert owner.ask("claim", "k") == "refused"


@pytest.mark.parametrize("locks", ["alike", "real"])
@pytest.mark.parametrize("skew", [0, 86400, -86400])
def test_who_was_killed_on_another_host_loses_its_claims_after_its_lease(
    root: Path, tmp_path: Path, locks: str, skew: float
) -> None:
    """And never before, whether locks reach across or not."""
    with Other("abroad", root, "a", locks, skew) as dead, Other("abroad", root, "b", locks) as heir:
        assert dead.hear() == heir.hear() == "open"
        assert dead.ask("claim", "k") == "granted"
        owner = Path(dead.ask("owner"))
        dead.kill()
        assert granted_in_the_end(heir, "k")
        assert age(owner, tmp_path / "now") > SHORT.lease + SHORT.beat


def test_a_lock_that_reaches_across_says_who_lives_without_a_heartbeat(root: Path, tmp_path: Path) -> None:
    with Other("abroad", root, "a", "real") as stopped, Other("abroad", root, "b", "real") as other:
        assert stopped.hear() == other.hear() == "open"
        assert stopped.ask("claim", "k") == "granted"
        owner = Path(stopped.ask("owner"))
        stopped.signal(signal.SIGSTOP)
        while age(owner, tmp_path / "now") < 2 * SHORT.lease:
            assert other.ask("claim", "k") == "refused"


def test_what_one_commits_who_slept_past_its_lease_changes_nothing(root: Path) -> None:
    """A machine was suspended: it finds its claim taken, its work where it was, and the result of another."""
    with Other("abroad", root, "a", "alike") as sleeper, Other("abroad", root, "b", "alike") as heir:
        assert sleeper.hear() == heir.hear() == "open"
        assert sleeper.ask("claim", "k") == "granted"
        half = Path(sleeper.ask("half"))
        sleeper.signal(signal.SIGSTOP)
        assert granted_in_the_end(heir, "k")
        good(good(open_directory(root, claims=visitor("c", "alike"))).close())
        heir.ask("commit", "x")
        sleeper.signal(signal.SIGCONT)
        sleeper.ask("commit", "x")
        assert (half / "c").read_bytes() == b"done"
        sleeper.ask("release", "k")
        assert sleeper.ask("claim", "k") == "refused", "what it gave back was not its own any more"
        assert heir.ask("alike", "x") == sleeper.ask("alike", "x") == "1"
        heir.ask("release", "k")
        assert sleeper.ask("claim", "k") == "granted"


def test_the_work_of_another_host_is_not_swept_before_it_is_long_dead(root: Path, tmp_path: Path) -> None:
    visit: Callable[[Path], Claims] = visitor("b", "alike")
    with Other("abroad", root, "a", "alike") as owner:
        assert owner.hear() == "open"
        owner.ask("claim", "k")
        half = Path(owner.ask("half"))
        file = Path(owner.ask("owner"))
        owner.kill()
    while age(file, tmp_path / "now") < SHORT.lease + SHORT.beat:
        good(good(open_directory(root, claims=visit)).close())
        assert (half / "c").exists()
    while age(file, tmp_path / "now") <= SHORT.grace:
        time.sleep(0.1)
    good(good(open_directory(root, claims=visit)).close())
    assert [list((root / each).iterdir()) for each in ("tmp", "claims")] == [[], []]


def test_nothing_is_dropped_while_another_host_may_live(root: Path) -> None:
    store = good(open_directory(root, claims=visitor("b", "alike")))
    with Other("abroad", root, "a", "alike") as other:
        assert other.hear() == "open"
        other.ask("claim", "k")
        with store._claims.alone() as alone:
            assert not alone
        other.kill()

    def is_alone() -> bool:
        with store._claims.alone() as alone:
            return alone

    assert until(is_alone)
    good(store.close())


@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(["unshare", "--uts", "true"], check=False).returncode != 0,
    reason="a host name of its own needs unshare and the right to use it",
)
def test_a_process_with_another_host_name_is_on_another_host(root: Path, tmp_path: Path) -> None:
    with Other("abroad", root, "-", "real", named="elsewhere") as dead, Other("abroad", root, "-", "real") as heir:
        assert dead.hear() == heir.hear() == "open"
        assert dead.ask("claim", "k") == "granted"
        owner = Path(dead.ask("owner"))
        said = read_owner(owner.read_bytes())
        assert said is not None
        assert (said.name, said.machine, said.boot) == ("elsewhere", this_host().machine, this_host().boot)
        assert heir.ask("claim", "k") == "refused"
        dead.kill()
        assert granted_in_the_end(heir, "k")
        assert age(owner, tmp_path / "now") > SHORT.lease


# By oneself, step by step.


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    for folder in ("claims", "tmp"):
        (tmp_path / folder).mkdir()
    return tmp_path


def test_the_first_claim_starts_the_heart_and_the_end_stops_it(bare: Path) -> None:
    claims = Claims(bare, lease=Lease(beat=0.01))
    claims._owner.touch()
    os.utime(claims._owner, (0, 0))
    assert claims.claim([]) == set()
    assert claims._heart._thread is None
    claims.claim([key("k")])
    assert until(lambda: claims._owner.stat().st_mtime > 0)
    thread = claims._heart._thread
    claims.close()
    assert thread is not None
    assert not thread.is_alive()


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
def test_where_there_are_no_more_hard_links_symbolic_ones_will_do(
    bare: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(code, os.strerror(code), str(source))

    dead, one, two = Claims(bare), Claims(bare), Claims(bare)
    linked, others = key("linked"), [key("1"), key("2")]
    assert dead.claim([linked]) == {linked}
    monkeypatch.setattr(os, "link", refuse)
    assert dead.claim(others) == set(others)
    assert one.claim([linked, *others]) == set()
    dead.release(others[:1])
    assert one.claim(others) == {others[0]}
    os.close(dead._lock)
    assert one.claim(others) == set(others)
    assert two.claim([linked, *others]) == {linked}
    one.release(others)
    assert two.claim(others) == set(others)
    for claims in (one, two):
        claims.close()
    heir = Claims(bare)
    heir.sweep()
    assert [path.name for path in (bare / "claims").iterdir()] == [heir._owner.name]
    heir.close()


def test_a_symbolic_link_to_an_owner_that_is_gone_holds_nobody_up(bare: Path) -> None:
    (bare / "claims" / key("k").hex).symlink_to("owner-nobody")
    claims = Claims(bare)
    assert claims.claim([key("k")]) == {key("k")}
    claims.close()
    assert not list((bare / "claims").iterdir())


def test_a_claim_whose_answer_was_lost_is_ours(bare: Path) -> None:
    """Trap: NFS repeats a request whose answer was lost, and says that the name is taken: by ourselves."""
    claims, other = Claims(bare), Claims(bare)
    os.link(claims._owner, bare / "claims" / key("k").hex)
    assert other.claim([key("k")]) == set()
    assert claims.claim([key("k")]) == {key("k")}
    claims.release([key("k")])
    assert other.claim([key("k")]) == {key("k")}
    for each in (claims, other):
        each.close()


def test_who_buries_puts_back_what_another_claimed_meanwhile(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap: where locks do not reach two bury at once, and the second removes the claim of the first."""
    dead, first, second = (visitor(name, "alike")(bare) for name in "abc")
    path = bare / "claims" / key("k").hex
    dead.claim([key("k")])
    dead._heart.stop()
    gone = dead._owner.stat().st_ino
    rename = os.rename

    def overtaken(this: Path, target: Path) -> None:
        monkeypatch.undo()
        path.unlink()
        assert first.claim([key("k")]) == {key("k")}
        rename(this, target)

    monkeypatch.setattr(os, "rename", overtaken)
    second._undertaker._remove(path, gone)
    assert path.stat().st_ino == first._owner.stat().st_ino
    assert second.claim([key("k")]) == set()
    assert not list((bare / "claims").glob("buried-*"))
    for claims in (dead, first, second):
        claims.close()
    assert not list((bare / "claims").iterdir())


def test_a_claim_is_buried_under_the_lock_of_the_dead(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two who bury at once: the second finds the lock held, and takes the owner for one that lives."""
    dead, one, two = Claims(bare), Claims(bare), Claims(bare)
    dead.claim([key("k")])
    os.close(dead._lock)
    said: list[frozenset[Digest]] = []
    rename = os.rename

    def meanwhile(this: Path, target: Path) -> None:
        monkeypatch.undo()
        said.append(two.claim([key("k")]))
        rename(this, target)

    monkeypatch.setattr(os, "rename", meanwhile)
    assert one.claim([key("k")]) == {key("k")}
    assert said == [frozenset()]
    for claims in (one, two):
        claims.close()


def test_an_owner_is_born_locked(bare: Path) -> None:
    """Trap: one that is seen before it has its lock is taken for dead."""
    disk = Watched()
    Claims(bare, disk=disk).close()
    steps = [
        (call.act, Path(call.paths[-1]).name.partition("-")[0]) for call in disk.calls if "claims" in call.paths[0]
    ]
    wanted = [("open", "newborn"), ("lock", "newborn"), ("write", "newborn"), ("rename", "owner")]
    assert [step for step in steps if step in wanted] == wanted


def test_who_opens_is_seen_before_he_looks(bare: Path) -> None:
    """Trap: two look, then both come; who is alone would not see the other."""
    disk = Watched()
    Claims(bare, disk=disk).close()
    acts = [(call.act, Path(call.paths[-1]).name.partition("-")[0]) for call in disk.calls]
    assert acts.index(("rename", "owner")) < acts.index(("lstat", "alone"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_who_finds_no_room_to_say_who_he_is_is_let_in(bare: Path, number: int) -> None:
    disk = Watched(plan=every(1, Refusal(number), {"write"}))
    one, two = Claims(bare, disk=disk), Claims(bare)
    assert one._owner.read_bytes() == b""
    assert one.claim([key("k")]) == {key("k")}
    assert two.claim([key("k")]) == set()
    for claims in (one, two):
        claims.close()


def test_what_another_has_taken_over_is_not_given_back(bare: Path) -> None:
    ours, other = Claims(bare), Claims(bare)
    ours.claim([key("1"), key("2")])
    (bare / "claims" / key("1").hex).unlink()
    assert other.claim([key("1"), key("2")]) == {key("1")}
    ours.close()
    assert (bare / "claims" / key("1").hex).exists(), "it is still the other's"
    assert other.claim([key("1"), key("2")]) == {key("1"), key("2")}
    other.close()
    assert not list((bare / "claims").iterdir())


def test_who_was_swept_in_his_sleep_enters_anew(bare: Path) -> None:
    claims = Claims(bare)
    claims.claim([key("1")])
    (bare / "claims" / key("1").hex).unlink()
    claims._owner.unlink()
    claims.private.rmdir()
    assert claims.claim([key("2")]) == {key("2")}
    assert claims.private.is_dir()
    other = Claims(bare)
    assert other.claim([key("1"), key("2")]) == {key("1")}
    claims.close()
    assert other.claim([key("2")]) == {key("2")}
    other.close()
    assert [list((bare / each).iterdir()) for each in ("claims", "tmp")] == [[], []]


def test_where_files_cannot_be_locked_leases_are_all(bare: Path) -> None:
    """Also on one host."""
    host = Host("a", "m", "b")
    passed = 0.0
    one, two = (Claims(bare, host=host, lock=lambda _: None, clock=lambda: passed) for _ in range(2))
    assert one.claim([key("k")]) == {key("k")}
    assert two.claim([key("k")]) == set()
    one._heart.stop()
    os.utime(one._owner, (time.time() - 61, time.time() - 61))
    assert two.claim([key("k")]) == set()
    passed = 11.0
    assert two.claim([key("k")]) == {key("k")}
    for claims in (one, two):
        claims.close()
