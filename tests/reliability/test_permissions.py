"""S5: who may do what to a store, and what becomes of files that change under it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lightfx import BadOutput, Build, Left, Secret, caches, evaluate, open_world, realize, stage, unwrap
from lightfx.core.damage import DamagedObject
from lightfx.core.names import Digest
from lightfx.effects.store import Forbidden
from lightfx.garbage import add_root
from lightfx.shell.cache.settings import change_setups
from lightfx.shell.disk import Disk, Name
from lightfx.shell.store.objects import Objects
from lightfx.shell.store.tree import entries_of
from lightfx.testing.faults import Call, Watched
from lightfx.upkeep import verify
from lightfx.wiring import Performing

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to be two users")


@stage(version="1")
def write(build: Build, number: int) -> Path:
    (build.out / "deep").mkdir()
    (build.out / "deep" / "file").write_text(f"{number}")
    (build.out / "run").write_text("x")
    (build.out / "run").chmod(0o6777)
    (build.out / "link").symlink_to("deep/file")
    print("a long log" * 2000)
    return build.out


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def modes(store: Path) -> Iterator[tuple[str, int]]:
    for path in (store, *store.rglob("*")):
        if not path.is_symlink():
            yield str(path.relative_to(store)), stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o077])
def test_no_umask_lets_everybody_write(mask: int, umask: Callable[[int], int], tmp_path: Path) -> None:
    umask(mask)
    store = tmp_path / "store"
    with open_world(store) as world:
        evaluate(world, write(1))
        unwrap(add_root(world, write(1).dref))
        Performing().result(change_setups(store, lambda _: [caches.folder(tmp_path / "cache")])).unwrap()
        found = dict(modes(store))
        assert found["caches.json"] == 0o644 & ~mask, "who writes it says where results come from, and whom to believe"
        private = [mode for path, mode in found.items() if path.startswith("tmp/") and path.count("/") == 1]
    assert private and set(private) == {0o700}
    shared = {path: mode for path, mode in found.items() if not path.startswith("tmp/")}
    assert all(not mode & 0o6002 for mode in shared.values()), shared
    for path, mode in shared.items():
        top, _, inner = path.partition("/")
        if top == "objects" and inner:
            assert mode in (0o444, 0o555), "whatever the umask"
        elif (store / path).is_dir():
            assert mode == 0o775 & ~mask
        else:
            assert not mode & 0o022, f"{path} may be written by others"
        if top in ("records", "roots") and inner:
            assert mode == 0o444 & ~mask


class Swapping(Disk):
    """A disk on which somebody puts something else in the place of a file, right before it is asked for by ``act``."""

    def __init__(self, act: str, of: str, swap: Callable[[Path], None]) -> None:
        self._act, self._of, self._swap = act, of, swap

    def _come(self, act: str, path: Name) -> None:
        if act == self._act and str(path).endswith(self._of):
            self._act = ""
            self._swap(Path(path))

    def open(self, path: Name, flags: int, mode: int = 0o666, folder: int | None = None) -> int:
        self._come("open", path)
        if not flags & (os.O_WRONLY | os.O_RDWR):
            self._come("read", path)
        return super().open(path, flags, mode, folder)

    def fstat(self, file: int) -> os.stat_result:
        self._come("after open", os.readlink(f"/proc/self/fd/{file}"))
        return super().fstat(file)

    def fchmod(self, file: int, mode: int) -> None:
        self._come("fchmod", os.readlink(f"/proc/self/fd/{file}"))
        super().fchmod(file, mode)


def to_link(victim: Path) -> Callable[[Path], None]:
    def swap(path: Path) -> None:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.symlink_to(victim)

    return swap


def to_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def to_nothing(path: Path) -> None:
    path.unlink()


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "outside").mkdir()
    path = tmp_path / "outside" / "victim"
    path.write_text("as it was")
    path.chmod(0o640)
    (tmp_path / "outside").chmod(0o750)
    yield path
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("as it was", 0o640)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750


def made(tmp_path: Path) -> Path:
    folder = tmp_path / "store" / "tmp" / "private" / "out-0"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_text("content")
    (tmp_path / "store" / "objects").mkdir()
    return folder


@pytest.mark.parametrize("act", ["read", "after open", "fchmod"])
@pytest.mark.parametrize("what", ["link", "pipe", "nothing"])
def test_a_file_that_is_swapped_reaches_nothing_outside(act: str, what: str, tmp_path: Path, victim: Path) -> None:
    folder = made(tmp_path)
    swap = {"link": to_link(victim), "pipe": to_pipe, "nothing": to_nothing}[what]
    objects = Objects(tmp_path / "store", durable=False, disk=Swapping(act, "deep/file", swap))
    found = objects.ingest([folder])[folder]
    if act == "read":
        assert found == Forbidden("deep/file", "was changed while it was stored")
    assert "as it was" not in [path.read_text() for path in (tmp_path / "store").rglob("*") if is_file(path)]


def is_file(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)


def test_a_folder_that_becomes_a_link_is_not_made_read_only(tmp_path: Path, victim: Path) -> None:
    folder = made(tmp_path)
    (folder / "deep" / "file").unlink()
    objects = Objects(tmp_path / "store", durable=False, disk=Swapping("open", "out-0/deep", to_link(victim.parent)))
    assert objects.ingest([folder])[folder] == Forbidden("deep", "was changed while it was stored")


def test_what_nobody_touches_is_stored(tmp_path: Path, victim: Path) -> None:
    """The negative control: a disk on which nobody comes."""
    folder = made(tmp_path)
    objects = Objects(tmp_path / "store", durable=False, disk=Swapping("read", "nowhere", to_nothing))
    found = objects.ingest([folder])[folder]
    assert isinstance(found, Digest)
    assert [entry.path for entry in entries_of(objects.folder_of(found), ours=False)] == ["deep", "deep/file"]


def test_a_hard_link_in_an_output_reaches_no_other_file(tmp_path: Path, victim: Path) -> None:
    folder = made(tmp_path)
    os.link(victim, folder / "shared")
    objects = Objects(tmp_path / "store", durable=False)
    found = objects.ingest([folder])[folder]
    assert isinstance(found, Digest)
    assert (objects.folder_of(found) / "shared").stat().st_ino != victim.stat().st_ino


@stage(version="1")
def leave(build: Build, target: str) -> Path:
    (build.out / "link").symlink_to(target)
    return build.out


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../records", ".."])
def test_a_link_out_is_no_output(target: str, tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as world:
        outcome = unwrap(realize(world, leave(target)))
    assert isinstance(outcome, Left) and isinstance(outcome.cause, BadOutput)


def test_temporary_names_cannot_be_taken_in_advance(tmp_path: Path) -> None:
    """New files are made with O_EXCL: what lies there, a link above all, is never opened."""
    opened: list[tuple[str, int]] = []

    class Noting(Disk):
        def open(self, path: Name, flags: int, mode: int = 0o666, folder: int | None = None) -> int:
            opened.append((str(path), flags))
            return super().open(path, flags, mode, folder)

    from lightfx.testing.faults import world_on

    with world_on(Noting(), tmp_path / "store") as world:
        evaluate(world, write(1))
        unwrap(add_root(world, write(1).dref))
    made = [(path, flags) for path, flags in opened if flags & os.O_CREAT and f"{tmp_path}/store" in path]
    private = [each for each in made if "/tmp/" in each[0].removeprefix(str(tmp_path)) or "/claims/" in each[0]]
    assert private
    careless = [path for path, flags in private if not flags & os.O_EXCL]
    assert careless == []


ATTACK = """
import os, random, sys, time
store, victim, end = sys.argv[1], sys.argv[2], time.monotonic() + float(sys.argv[3])
os.setgid(65534); os.setuid(65534)
os.umask(0)
done = 0
while time.monotonic() < end:
    for folder, names, files in os.walk(store):
        for name in [*names, *files, "format", "evil"]:
            path = os.path.join(folder, name)
            for act in (
                lambda: os.symlink(victim, path), lambda: os.rename(path, path + "-away"), lambda: os.unlink(path),
                lambda: os.link(victim, path + "-link"), lambda: os.chmod(path, 0o777), lambda: os.mkdir(path + "-new"),
                lambda: open(path, "r+b").write(b"evil"),
            ):
                try:
                    act()
                    done += 1
                    print(path, flush=True)
                except OSError:
                    pass
print("did", done)
"""


def attacked(seconds: float) -> None:
    home = Path(tempfile.mkdtemp(dir="/var/tmp"))
    home.chmod(0o755)
    (home / "victim").write_text("as it was")
    before = os.umask(0)
    try:
        with open_world(home / "store") as world:
            evaluate(world, write(0))
            command = [sys.executable, "-c", ATTACK, str(home / "store"), str(home / "victim"), str(seconds)]
            attacker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            number = 0
            while attacker.poll() is None:
                number += 1
                assert (evaluate(world, write(number)) / "deep" / "file").read_text() == f"{number}"
            said = attacker.communicate()[0]
        assert said == "did 0\n"
        assert (home / "victim").read_text() == "as it was"
        assert not list((home / "store").rglob("*evil*"))
    finally:
        os.umask(before)
        subprocess.run(["/bin/rm", "-rf", home], check=True)


@AS_ROOT
def test_another_user_reaches_nothing_for_a_second() -> None:
    attacked(1)


@AS_ROOT
@pytest.mark.reliability("S5", passes="nothing is written, and nothing else is changed")
def test_another_user_reaches_nothing_for_a_minute() -> None:
    attacked(60)


MEMBER = """
import os, sys
sys.path.insert(0, sys.argv[3])
import scenes
os.setgroups([]); os.setgid(61000); os.setuid(int(sys.argv[2])); os.umask(0o002)
scenes.converse(sys.argv[1])
"""


@AS_ROOT
def test_two_users_of_a_group_share_a_store() -> None:
    """Trap: to ask whether an owner lives one opened its file to write, and the second user could only read."""
    home = Path(tempfile.mkdtemp(dir="/var/tmp"))
    home.chmod(0o777)
    scenes = Path(__file__).parents[1] / "conformance"

    def member(user: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", MEMBER, str(home / "store"), str(user), str(scenes)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=home)

    def ask(process: subprocess.Popen[str], *words: str) -> str:
        assert process.stdin is not None and process.stdout is not None
        if words:
            process.stdin.write(" ".join(words) + "\n")
            process.stdin.flush()
        return process.stdout.readline().rstrip("\n")

    with member(61001) as one, member(61002) as two:
        try:
            assert [ask(one), ask(one, "claim", "k")] == ["open", "granted"]
            assert [ask(two), ask(two, "claim", "k"), ask(two, "claim", "j")] == ["open", "refused", "granted"]
            assert [ask(one, "claim", "j"), ask(two, "commit", "x"), ask(one, "alike", "x")] == ["refused", "None", "1"]
            one.kill()
            one.wait()
            assert ask(two, "claim", "k") == "granted"
        finally:
            one.kill()
            two.kill()
            subprocess.run(["/bin/rm", "-rf", home], check=True)


def test_a_secret_file_is_read_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    @stage(version="1")
    def use(build: Build, key: Secret) -> int:
        return 0

    with open_world(tmp_path / "store") as world:
        outcome = unwrap(realize(world, use(Secret.file(tmp_path / "pipe"))))
    assert isinstance(outcome, Left) and "is empty" in outcome.reason


def tended(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """All that can be told of a folder and of what is in it."""
    looks = ((path, path.lstat()) for path in (folder, *sorted(folder.rglob("*"))))
    return {
        str(path.relative_to(folder)): (
            look.st_mode,
            look.st_ino,
            look.st_nlink,
            path.read_bytes() if stat.S_ISREG(look.st_mode) else b"",
        )
        for path, look in looks
    }


def deep(folder: Path, data: str) -> Path:
    """A tree with all that is mended on the way: rights that are lacking, a file with two names, a link."""
    (folder / "deep/mid").mkdir(parents=True)
    (folder / "deep/mid/file").write_text(data)
    (folder / "deep/mid/twin").hardlink_to(folder / "deep/mid/file")
    (folder / "deep/mid/shut").write_text(data)
    (folder / "deep/mid/shut").chmod(0o200)
    (folder / "deep/mid/link").symlink_to(f"file-{data}")
    (folder / "deep/mid").chmod(0o300)
    return folder


class Returning:
    """Somebody who puts a link in the place of a folder right before one call, and takes it back before another."""

    def __init__(self, home: Path, elsewhere: Path, comes: int, goes: int) -> None:
        self._home, self._elsewhere, self._comes, self._goes = home, elsewhere, comes, goes
        self._aside = elsewhere.with_name("aside")

    def __call__(self, call: Call) -> None:
        if call.number == self._comes and self._home.is_dir():
            self._home.rename(self._aside)
            self._home.symlink_to(self._elsewhere)
        elif call.number == self._goes and self._home.is_symlink():
            self._home.unlink()
            self._aside.rename(self._home)


@pytest.mark.reliability(
    "S5", "a folder of an output is swapped for a link, before any call", passes="nothing elsewhere is read or changed"
)
@pytest.mark.parametrize("stays", [pytest.param(1, marks=pytest.mark.quick), 2, 3, 5, 1000])
def test_a_folder_on_the_way_that_is_swapped_leads_nowhere(stays: int, tmp_path: Path) -> None:
    """By what a stage left running, before any call of those that store its output, and for as many calls."""

    def store(place: Path, disk: Disk) -> Digest | Forbidden:
        (place / "store/objects").mkdir(parents=True)
        folder = place / "store/tmp/private/out-0"
        (found,) = Objects(place / "store", durable=False, disk=disk).ingest([deep(folder, "ours")]).values()
        return found

    plain = Watched()
    known = store(tmp_path / "plain", plain)
    assert isinstance(known, Digest)
    met: set[Digest | Forbidden] = set()
    for number in range(1, len(plain.calls) + 1):
        place = tmp_path / f"{number}"
        elsewhere = deep(place / "elsewhere", "theirs") / "deep"
        before = tended(elsewhere)
        swapping = Returning(place / "store/tmp/private/out-0/deep", elsewhere, number, number + stays)
        found = store(place, Watched(tell=swapping))
        assert found == known or isinstance(found, Forbidden), number
        assert tended(elsewhere) == before, number
        met.add(found)
    assert known in met
    assert any(isinstance(each, Forbidden) for each in met)


OPEN: list[int] = []


@stage(version="1")
def keep_open(build: Build) -> Path:
    """As what a stage left running may: no right is asked of a file that is open."""
    (build.out / "file").write_text("content")
    OPEN.append(os.open(build.out / "file", os.O_WRONLY))
    return build.out / "file"


@pytest.mark.parametrize("verified", [True, False])
def test_what_is_written_into_a_stored_file_that_was_left_open_is_found_and_read_by_nobody(
    tmp_path: Path, *, verified: bool
) -> None:
    with open_world(tmp_path / "store") as world:
        assert evaluate(world, keep_open()).read_text() == "content"
        os.pwrite(OPEN[-1], b"changed", 0)
        if verified:
            (damage,) = unwrap(verify(world)).damages
            assert isinstance(damage, DamagedObject)
    with open_world(tmp_path / "store") as world:
        assert evaluate(world, keep_open()).read_text() == "content", "it was made again"
    assert len(OPEN) == 2
    while OPEN:
        os.close(OPEN.pop())
