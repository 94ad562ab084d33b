"""All that lightfx does to the files of a store is announced by its disk: shown from outside, by strace.

A program realizes, reuses, fails, roots, packs, unpacks and collects garbage. Its
disk writes each call into a file before it makes it; so strace sees each
announcement just before what was announced. What it sees on a path in the
store without an announcement went past the disk.

The index lies elsewhere here, since SQLite writes its own files; what the
stages write themselves stands between two marks.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lightfx
from lightfx.shell.disk import Disk
from lightfx.testing.faults import PRIMITIVES

SHELL = Path(lightfx.__file__).parent / "shell"

PROGRAM = """
import os, sys
from pathlib import Path
from lightfx import Build, Derivation, evaluate, realize, stage
from lightfx.core.refs import RRef
from lightfx.garbage import add_root, gc
from lightfx.moving import pack, unpack
from lightfx.shell.store import tree
from lightfx.testing.faults import Watched, world_on
from lightfx.wiring import unwrap

here, bypass = Path(sys.argv[1]), sys.argv[2:]
told = os.open(here / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def tell(call):
    os.write(told, "\\t".join(("call", call.act, *call.paths)).encode() + b"\\n")

def mark(what):
    os.write(told, what.encode() + b"\\n")

@stage(version="1")
def note(build: Build, number: int) -> Path:
    mark("begin")
    print("x" * 20_000)
    for name in "abc":
        (build.out / name).write_text(f"{name} {number}")
    os.link(build.out / "a", build.out / "d")
    (build.out / "a").chmod(0o000)
    mark("end")
    return build.out

@stage(version="1")
def sum_up(build: Build, notes: Derivation[Path], count: int) -> int:
    if count == 3:
        raise ValueError("three")
    return count

if bypass:
    tree.make_read_only.__globals__["Disk"].chmod = lambda self, path, mode, folder=None: os.chmod(path, mode)
    make = tree.make_read_only
    from lightfx.shell.store import objects
    objects.make_read_only = lambda root, entries, disk: make(root, entries)

disk = Watched(tell=tell)
for again in range(2):
    with world_on(disk, here / "store", index=here / "index/a.sqlite") as world:
        for count in range(5):
            realize(world, sum_up(note(number=count), count))
        (kept,) = [row.stored.rref for row in world.perform.result(world.store.newest("note", 1)).unwrap()]
        unwrap(add_root(world, kept))
with world_on(disk, here / "store", index=here / "index/a.sqlite") as world:
    unwrap(pack(world, [kept], here / "packed", disk=disk))
    unwrap(gc(world))
with world_on(disk, here / "other", index=here / "index/b.sqlite") as other:
    unwrap(unpack(other, here / "packed", disk=disk))
"""

ACTS = {
    "open": {"open", "scandir", "listdir"},
    "openat": {"open", "scandir", "listdir"},
    "rename": {"rename"},
    "renameat": {"rename"},
    "renameat2": {"rename"},
    "link": {"link"},
    "linkat": {"link"},
    "symlink": {"symlink"},
    "symlinkat": {"symlink"},
    "unlink": {"unlink"},
    "unlinkat": {"unlink", "rmdir"},
    "rmdir": {"rmdir"},
    "mkdir": {"mkdir"},
    "mkdirat": {"mkdir"},
    "mknod": {"mknod"},
    "mknodat": {"mknod"},
    "chmod": {"chmod"},
    "fchmodat": {"chmod"},
    "fchmod": {"fchmod"},
    "utimensat": {"utime"},
    "write": {"write"},
    "fsync": {"fsync"},
    "syncfs": {"syncfs"},
    "flock": {"lock"},
    # No disk makes these: whoever does went past it.
    **dict.fromkeys(
        (
            *("creat", "truncate", "ftruncate", "fallocate", "pwrite64", "writev", "pwritev", "sendfile"),
            *("copy_file_range", "fdatasync", "fchown", "chown", "lchown", "fchownat", "utime", "setxattr"),
            *("lsetxattr", "fsetxattr", "futimesat", "utimes", "openat2", "fchmodat2", "sync", "mount"),
        ),
        set[str](),
    ),
}
"""System calls that change files, or open them, and the calls of a disk that each may come of."""


def unannounced(trace: str, place: Path) -> Iterator[str]:
    """Find the calls on paths in ``place`` that no announcement stands before."""
    announced: tuple[str, ...] = ()
    in_stage = False
    for line in trace.splitlines():
        found = re.match(r"(?:\[pid +\d+\] |\d+ +)?(\w+)\((.*)", line)
        if found is None:
            continue
        name, rest = found[1], found[2]
        said = re.match(rf'\d+<{re.escape(str(place))}/told>, "(.*?)\\n"', rest) if name == "write" else None
        if said is not None:
            words = said[1].split("\\t")
            announced = tuple(words[1:]) if words[0] == "call" else ()
            in_stage = words[0] == "begin" or (in_stage and words[0] != "end")
            continue
        if re.search(r"at2?$", name):  # by its name in a folder that is open
            rest = re.sub(r'\d+<([^>]*)>, "([^/"]+)"', r'"\1/\2"', rest)
        paths = [each for pair in re.findall(r'"((?:[^"\\]|\\.)*)"|\d+<([^>]*)>', rest) for each in pair if each]
        paths = [os.path.normpath(each) for each in paths]  # the way up is told as where it leads
        ours = [each for each in paths if each.startswith((f"{place}/store", f"{place}/other"))]
        if ours and not in_stage:
            if not announced or announced[0] not in ACTS[name] or announced[-1] not in (*ours, f"{ours[-1]}/"):
                yield line
            announced = ()


def trace(tmp_path: Path, *more: str) -> str:
    """Run the program under strace, and give what strace saw."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    (tmp_path / "program.py").write_text(PROGRAM)
    calls = ",".join(f"?{name}" for name in ACTS)
    done = subprocess.run(
        [
            *(strace, "-f", "-y", "-qq", "-s", "4096", "-o", str(tmp_path / "trace"), "-e", f"trace={calls}"),
            *(sys.executable, str(tmp_path / "program.py"), str(tmp_path), *more),
        ],
        capture_output=True,
        text=True,
    )
    if done.returncode and "ptrace" in done.stderr.lower():
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    return (tmp_path / "trace").read_text()


def test_nothing_that_changes_a_store_misses_the_disk(tmp_path: Path) -> None:
    seen = trace(tmp_path)
    assert list(unannounced(seen, tmp_path)) == []
    made = {
        name
        for name, acts in ACTS.items()
        if acts and re.search(rf"^\d+ +{name}\(.*{tmp_path}/store", seen, re.MULTILINE)
    }
    acts = set().union(*(ACTS[name] for name in made))
    assert acts >= {"open", "rename", "link", "unlink", "rmdir", "mkdir", "chmod", "write", "fsync", "syncfs", "lock"}


def test_what_misses_the_disk_is_seen(tmp_path: Path) -> None:
    """The negative control: objects are made read-only past the disk."""
    missed = list(unannounced(trace(tmp_path, "bypass"), tmp_path))
    assert any(re.search(r"chmod\w*\(", line) for line in missed)
    assert all(re.search(r"chmod\w*\(|open\w*\(", line) for line in missed)


def test_primitives_are_all_that_a_disk_does_by_itself() -> None:
    """What `Watched` does not look at is made of what it looks at."""
    (disk,) = [
        node
        for node in ast.walk(ast.parse((SHELL / "disk.py").read_text()))
        if isinstance(node, ast.ClassDef) and node.name == "Disk"
    ]
    methods = {node.name: node for node in disk.body if isinstance(node, ast.FunctionDef)}
    own = {name for name, node in methods.items() if any(map(_touches_files, ast.walk(node)))}
    assert own | {"syncfs"} == PRIMITIVES, "syncfs is called by way of ctypes"
    assert PRIMITIVES < {name for name in vars(Disk) if not name.startswith("_")}


# Who touches files all the same, and why.

FILE_CALLS = {
    *"open close read readv pread write fstat fsync rename replace link symlink readlink unlink remove".split(),
    *"mkdir makedirs rmdir mknod mkfifo chmod fchmod utime stat lstat scandir listdir statvfs access walk".split(),
    *"truncate ftruncate sendfile chown lchown sync fdatasync copy_file_range pwrite setxattr removexattr".split(),
    *"listxattr getxattr".split(),
}
PATH_CALLS = {
    *"open read_bytes read_text write_bytes write_text touch mkdir rmdir unlink rename symlink_to chmod".split(),
    *"hardlink_to readlink iterdir glob rglob stat lstat exists is_dir is_file is_symlink lchmod resolve".split(),
}
MODULES = {"shutil", "tempfile"}
ENTRY = "what a listing gave, which looks for itself"
LOG = "standard output, put aside, and a file in memory"
EXCEPTIONS = {
    ("archive.py", "open"): "a tar, and zstd, over files that a disk opened",
    ("store/owners.py", "read_text"): "/proc and /etc/machine-id, which are no files of ours",
    ("store/owners.py", "touch"): "a function that was handed in, and that touches by way of a disk",
    ("emptying.py", "is_dir"): ENTRY,
    **{("store/tree.py", each): ENTRY for each in ("stat", "is_file", "is_dir", "is_symlink")},
    ("store/mounts.py", "read_text"): "/proc, to tell of what kind a file system is",
    **{("store/verifying.py", each): ENTRY for each in ("stat", "is_dir", "is_symlink")},
    **{("executor/parcels.py", each): ENTRY for each in ("stat", "is_file", "is_dir", "is_symlink")},
    ("cache/channel.py", "open"): "a channel, which gives what lies under a name",
    ("cache/web.py", "open"): "as above",
    ("cache/folder.py", "stat"): ENTRY,
    ("cache/folder.py", "is_file"): ENTRY,
    ("cache/policies.py", "tempfile.SpooledTemporaryFile"): "what a near cache is to be brought, and nobody else reads",
    ("executor/parcels.py", "open"): "a tar, over bytes",
    ("executor/deaths.py", "read_text"): "the counters of the system in /sys",
    **{("executor/work.py", f"os.{each}"): "/proc/self" for each in ("open", "read", "write", "close")},
    ("executor/keeper.py", "os.read"): "a pipe",
    ("executor/keeper.py", "os.write"): "a pipe",
    ("executor/keeper.py", "os.listdir"): "/proc, for the children of a keeper",
    ("executor/keeper.py", "open"): "/proc, as above",
    **{("executor/worker.py", f"os.{each}"): "the log, handed to it open" for each in ("fstat", "pread", "ftruncate")},
    **{("executor/capturing.py", f"os.{each}"): LOG for each in ("pread", "write", "ftruncate", "close")},
    ("executor/descriptors.py", "os.close"): LOG,
    ("executor/streams.py", "os.write"): LOG,
    **{("executor/unveiling.py", each): ENTRY for each in ("is_file", "is_dir", "is_symlink")},
    ("executor/worker.py", "open"): "the standard streams, by their numbers",
    ("executor/remote.py", "tempfile.mkdtemp"): "the folder of a Dask worker, which has no store",
    ("executor/remote.py", "exists"): "as above",
}


def _touches_files(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and ((node.value.id == "os" and node.attr in FILE_CALLS) or (node.value.id, node.attr) == ("fcntl", "flock"))
    )


def _calls(tree: ast.AST) -> Iterator[str]:
    """Name what touches files: of ``os``, of other modules, and of paths, which are told by the name of the method."""
    for node in ast.walk(tree):
        if _touches_files(node):
            yield f"{node.value.id}.{node.attr}"  # type: ignore[attr-defined]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in MODULES:
            yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            yield "open"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PATH_CALLS:
            if not _is_disk(node.func.value) and _name(node.func.value) != "os":
                yield node.func.attr


def _is_disk(node: ast.AST) -> bool:
    """Whether this is a disk by its name: ``disk``, ``self._disk``, ``self.disk``, and in disk.py ``self``."""
    return (isinstance(node, ast.Name) and node.id == "disk") or (
        isinstance(node, ast.Attribute) and node.attr in ("disk", "_disk")
    )


def test_the_shell_touches_files_by_its_disk_alone() -> None:
    """Also where no program of a test comes by: by reading the code."""
    found = {
        (str(path.relative_to(SHELL)), call)
        for path in SHELL.rglob("*.py")
        if path.name != "disk.py"
        for call in _calls(ast.parse(path.read_text()))
    }
    assert sorted(found - set(EXCEPTIONS)) == []
    assert sorted(set(EXCEPTIONS) - found) == [], "no exception outlives its reason"


def test_whoever_takes_a_disk_is_given_one() -> None:
    """The default is for callers outside: within the shell, one that was forgotten would be a way past the disk."""
    trees = {path: ast.parse(path.read_text()) for path in SHELL.rglob("*.py")}
    takers = {name for tree in trees.values() for name in _takers(tree)}
    forgotten = [
        f"{path.relative_to(SHELL)}:{call.lineno} {name}"
        for path, tree in trees.items()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and (name := call.func.id) in takers
        if (path.name, name) != ("pushing.py", "Freight")  # a record of that name, of `lightfx.plan.packing`
        if not any(_is_disk(each) or _name(each) == "REAL" for each in (*call.args, *(k.value for k in call.keywords)))
    ]
    assert takers >= {"sync_path", "write_durably", "remove_tree", "entries_of", "Groups", "Claims", "Index"}
    assert forgotten == []


def _takers(tree: ast.Module) -> Iterator[str]:
    """Name the functions and classes that take a disk, and take the real one where none is given."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and _has_default(node):
            yield node.name
        if isinstance(node, ast.ClassDef) and any(
            _has_default(each) if isinstance(each, ast.FunctionDef) else _is_field(each) for each in node.body
        ):
            yield node.name


def _has_default(node: ast.FunctionDef) -> bool:
    given = [*node.args.args[len(node.args.args) - len(node.args.defaults) :], *node.args.kwonlyargs]
    return any(each.arg == "disk" for each in given)


def _is_field(node: ast.AST) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "disk"


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
