"""Secrets where stages of the low level run, and where a stage is made by hand."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from attrs import frozen
from returns.result import Failure, Result, Success

from lightfx import (
    BadOutput,
    Build,
    BuildOrder,
    Derivation,
    EngineError,
    Left,
    LensError,
    Output,
    Raised,
    Right,
    Secret,
    UnstorableError,
    World,
    derivation,
    lens,
    memory_world,
    realize,
    realizer,
    redefined,
    stage,
    unwrap,
)
from lightfx.core.config import Config
from lightfx.core.failures import EngineFailure, Unshippable
from lightfx.core.realization import Outputs
from lightfx.core.secrets import Veil
from lightfx.matchers import Candidate, Choice, Matcher, first
from lightfx.repl import stepping
from lightfx.shell.disk import Disk, Name
from lightfx.shell.executor.unveiling import judged

TOKEN = Secret.env("LFX_TOKEN")
VALUE = "open-sesame-1001"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("LFX_TOKEN", VALUE)
    return memory_world(tmp_path)


@stage(version="1")
def use(build: Build, token: Secret, size: int = 0) -> str:
    return f"{len(build.reveal(token))} letters"


@stage(version="1")
def pry(build: Build, token: Secret | None = None) -> str:
    return build.reveal(TOKEN)


def draw(order: BuildOrder) -> Result[Outputs, Left]:
    value = order.reveal(TOKEN)
    if order.config.tree["args"]["loud"]:
        raise KeyError(value)
    folder = order.folder(0)
    folder.mkdir(parents=True)
    (folder / "half").write_text(value)
    return Success((Left(BadOutput(f"no {value}", value), folder=folder, log=f"was {value}"), Output(len(value))))


def cause(world: World, plan: object) -> object:
    return unwrap(realize(world, plan)).cause


def test_a_realizer_of_ones_own_is_kept_from_telling(world: World) -> None:
    made = derivation({"loud": False, "token": TOKEN}, first(), realizer(draw, int, version="1", outputs=2))
    loud = derivation({"loud": True, "token": TOKEN}, first(), realizer(draw, int, version="1", outputs=2))
    told = cause(world, loud)
    assert isinstance(told, Raised) and told.message == "'<secret env:LFX_TOKEN>'" and VALUE not in told.traceback
    assert unwrap(realize(world, made)).value == len(VALUE)
    listed = unwrap(world.store.listed((made.dref,), frozenset()))
    (stored,) = (each.realization for each in listed if not each.stored.is_right)
    assert stored.result == BadOutput("no <secret env:LFX_TOKEN>", "<secret env:LFX_TOKEN>") and stored.tree is None


def refuse(order: BuildOrder) -> Result[Outputs, Left | EngineFailure]:
    return Failure(Unshippable(order.dref, f"cannot pickle {order.reveal(TOKEN)}"))


def test_trap_trouble_of_the_engine_may_say_what_a_stage_said(world: World) -> None:
    """Trap: why the needs of a stage cannot be shipped is in the words of its own code, and was told as it was."""
    plan = derivation({"token": TOKEN}, first(), realizer(refuse, int, version="1"))
    with pytest.raises(EngineError) as told:
        unwrap(realize(world, plan))
    assert VALUE not in str(told.value)


def test_what_is_no_parameter_is_not_revealed(world: World) -> None:
    for plan in (pry(), pry(Secret.env("HOME"))):
        told = cause(world, plan)
        assert isinstance(told, Raised) and "UndeclaredSecretError" in told.bases


@stage(version="1")
def give(build: Build, token: Secret) -> Secret:
    return token


def test_a_value_holds_the_name_alone(world: World) -> None:
    assert unwrap(realize(world, give(TOKEN))).value == TOKEN


def test_no_text_is_a_secret() -> None:
    with pytest.raises(UnstorableError, match="token is of type str, not Secret"):
        use("env:LFX_TOKEN")  # type: ignore[arg-type]


def test_a_closure_captures_no_secret() -> None:
    caught = TOKEN

    @stage(version="1")
    def use_it(build: Build) -> str:
        return build.reveal(caught)

    with pytest.raises(UnstorableError, match="captured variable caught"):
        use_it()


def test_a_constant_of_the_module_is_no_parameter(world: World) -> None:
    @stage
    def use_it(build: Build) -> str:
        return build.reveal(TOKEN)

    told = cause(world, use_it())
    assert isinstance(told, Raised) and "UndeclaredSecretError" in told.bases


def test_a_plan_with_a_secret_can_be_changed(world: World) -> None:
    again = redefined(use(TOKEN), config=lambda old: {**old, "size": 3})
    assert again == use(TOKEN, 3)
    assert lens(use(TOKEN)).token.value == {"$secret": "env:LFX_TOKEN"}
    with pytest.raises(LensError):
        _ = lens(use(TOKEN)).token.text


@frozen
class Tagged(Matcher[object]):
    """A matcher of one's own, whose spelling is what somebody likes."""

    tag: str

    @property
    def spelling(self) -> str:
        return f"tagged({self.tag})"

    def select(self, candidates: Sequence[Candidate[object]], /) -> Choice:
        return first().select(candidates)


@stage(version="1")
def one(build: Build) -> int:
    return 1


@stage(version="1")
def ask(build: Build, token: Secret) -> int:
    return build.need(one().choose(Tagged(build.reveal(token))))


def test_a_matcher_that_a_stage_asks_by_is_stored_too(world: World) -> None:
    told = cause(world, ask(TOKEN))
    assert isinstance(told, BadOutput) and told.why.startswith("holds <secret env:LFX_TOKEN>")


def test_by_hand_secrets_are_there_and_refused_as_elsewhere(world: World) -> None:
    with stepping(world, use(TOKEN)) as session:
        assert session.build.reveal(TOKEN) == VALUE
        with pytest.raises(ValueError, match=r"the value holds <secret env:LFX_TOKEN>"):
            session.commit(f"it is {VALUE}")
        assert isinstance(session.commit("fine").outcome, Right)


GO, GONE = threading.Event(), threading.Event()


@stage(version="1")
def linger(build: Build, token: Secret) -> int:
    value = build.reveal(token)

    def print_later() -> None:
        GO.wait(30)
        print(f"late: {value}")
        GONE.set()

    threading.Thread(target=print_later).start()
    return 0


@stage(version="1")
def listen(build: Build, before: Derivation[int]) -> int:
    GO.set()
    GONE.wait(30)
    return build.need(before)


def test_what_a_stage_left_running_tells_no_value_to_the_next(world: World) -> None:
    """Trap: the log of the next stage in that process was covered by the secrets of that stage alone, if it had any."""
    outcome = unwrap(realize(world, listen(linger(TOKEN))))
    (made,) = unwrap(world.store.realizations(outcome.rrefs)).values()
    assert made.log is not None and made.log.tail == "late: <secret env:LFX_TOKEN>\n"


def test_an_order_shows_no_value() -> None:
    order = BuildOrder(use(TOKEN).dref, Config("{}"), None, (0,), Path("x"), {}, veil=Veil({TOKEN: VALUE}))
    assert VALUE not in repr(order)


def test_special_files_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "deep").mkdir(mode=0o000)
    output = Output(1, tmp_path)
    assert judged(output, Veil({TOKEN: VALUE})) == output


def test_a_folder_that_became_a_link_is_not_searched(tmp_path: Path) -> None:
    """Trap: the search went where the link led, and took rights there."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text(VALUE)
    (outside / "file").chmod(0o040)
    (tmp_path / "out").symlink_to(outside)
    output, left = Output(1, tmp_path / "out"), Left(BadOutput("x", "y"), folder=tmp_path / "out")
    assert judged(output, Veil({TOKEN: VALUE})) == output
    assert judged(left, Veil({TOKEN: VALUE})) == left
    assert stat.S_IMODE((outside / "file").stat().st_mode) == 0o040


@stage(version="1")
def lose(build: Build, token: Secret, how: str) -> int:
    build.out.rmdir()
    if how == "file":
        build.out.write_text("x")
    if how == "link":
        build.out.symlink_to("/")
    return 0


@pytest.mark.parametrize("how", ["gone", "file", "link"])
def test_a_stage_may_lose_its_folder(world: World, how: str) -> None:
    outcome = unwrap(realize(world, lose(TOKEN, how)))
    if isinstance(outcome, Left):
        assert outcome.cause == BadOutput(".", "is no folder any more")
    assert isinstance(outcome, Left) == (how != "gone")


def test_what_cannot_be_searched_is_not_kept_and_no_trouble_of_the_engine(tmp_path: Path) -> None:
    """Trap: names longer than the system takes ended the run, or the worker, in a traceback."""
    veil, folder, here = Veil({TOKEN: VALUE}), tmp_path / "out", os.open(".", os.O_RDONLY)
    folder.mkdir()
    try:
        os.chdir(folder)
        for _ in range(20):
            os.mkdir("d" * 250)
            os.chdir("d" * 250)
    finally:
        os.chdir(here)
        os.close(here)
    said = judged(Output(1, folder), veil)
    assert isinstance(said, Left) and said.cause == BadOutput("build.out", "is too deep to be searched for secrets")
    assert judged(Left(said.cause, folder=folder), veil) == said

    class Broken(Disk):
        """Also what is gone while it is searched: nobody knows what else was not seen."""

        def __init__(self, number: int) -> None:
            self.number = number

        def scandir(self, path: Name | int) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
            raise OSError(self.number, os.strerror(self.number), path)

    for number in (errno.EIO, errno.ENOENT):
        said = judged(Output(1, folder), veil, Broken(number))
        assert isinstance(said, Left) and isinstance(said.cause, Raised)
        assert said.cause.message == f"[Errno {number}] {os.strerror(number)}: 'build.out'"
    subprocess.run(["rm", "-r", folder], check=True)


@pytest.mark.parametrize("at", ["open/sesame-1001", "x/open/sesame-1001/file", "open/sesame/1001"])
def test_trap_a_value_that_names_a_folder_and_what_is_in_it(tmp_path: Path, at: str) -> None:
    """Trap: names were searched one by one, and what the system said of such a path was told as it was."""
    veil, file = Veil({TOKEN: "open/sesame-1001", Secret.env("B"): "open/sesame/1001"}), tmp_path / "out" / at
    file.parent.mkdir(parents=True)
    file.touch()
    for left in (judged(Output(1, tmp_path / "out"), veil), judged(Left(BadOutput("a", "b"), folder=file), veil)):
        assert isinstance(left, Left) and "sesame" not in repr(left.cause)
    said = judged(Output(1, tmp_path / "out"), veil)
    assert isinstance(said, Left) and isinstance(said.cause, BadOutput) and said.cause.path.endswith(("KEN>", "B>"))

    class Broken(Disk):
        """What the system says of a file has its path."""

        def listxattr(self, path: Name) -> list[str]:
            raise OSError(errno.EIO, os.strerror(errno.EIO), file)

    for folder in (tmp_path / "out", tmp_path / "out" / at.partition("/")[0]):
        said = judged(Output(1, folder), veil, Broken())
        assert isinstance(said, Left) and isinstance(said.cause, Raised)
        assert "sesame" not in said.cause.message + said.cause.traceback


@pytest.mark.parametrize("at", ["", "deep", "deep/file"])
def test_extended_attributes_are_searched(tmp_path: Path, at: str) -> None:
    """Programs that fetch files write there from where, and objects are the files that a stage wrote."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").touch()
    try:
        os.setxattr(tmp_path / at, "user.harmless", b"x")
    except OSError:
        pytest.skip("there are no extended attributes here")
    output = Output(1, tmp_path)
    assert judged(output, Veil({TOKEN: VALUE})) == output
    os.setxattr(tmp_path / at, "user.xdg.origin.url", f"https://me:{VALUE}@host".encode())
    found = judged(output, Veil({TOKEN: VALUE}))
    assert isinstance(found, Left)
    assert found.cause == BadOutput(at or ".", "holds <secret env:LFX_TOKEN>, and files are stored")
