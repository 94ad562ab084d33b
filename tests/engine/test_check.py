"""Run again and compare: the same, or what differs; and nothing is stored."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from returns.result import Failure, Result, Success

from lightfx import (
    Build,
    BuildOrder,
    Config,
    Derivation,
    Different,
    Digest,
    EngineError,
    Identical,
    Left,
    MadeBy,
    NotChecked,
    RRef,
    Terms,
    Tolerant,
    World,
    check,
    evaluate,
    memory_world,
    open_world,
    realize_all,
    realized,
    source_file,
    stage,
    unwrap,
)
from lightfx.core.config import Reference
from lightfx.core.derivation import Asks
from lightfx.core.failures import PoolLost
from lightfx.core.manifest import Kind
from lightfx.core.realization import Output
from lightfx.effects.store import Entry
from lightfx.engine.check import check as check_with
from lightfx.matchers import some
from lightfx.reasons import FieldChanged

COUNT: list[int] = []
BEHAVES: dict[str, Any] = {}


@frozen
class Fit:
    loss: float
    weights: Path


@stage(version="1")
def steady(build: Build, number: int = 1) -> Fit:
    COUNT.append(number)
    build.log("seed", build.seed)
    (build.out / "deep").mkdir()
    (build.out / "deep" / "w").write_text(f"{number} {build.seed} {build.index}")
    return Fit(number / 2, build.out / "deep" / "w")


@stage(version="1")
def moody(build: Build, name: str = "") -> dict[str, int]:
    return BEHAVES["do"](build)  # type: ignore[no-any-return]


@stage(version="1")
def loss(build: Build, fit: Derivation[Fit]) -> float:
    return build.need(fit).loss + len(build.need(fit).weights.read_text())


@stage(version="1")
def lengths(build: Build, file: Derivation[Path], fits: list[Tolerant[Fit]], many: Derivation[tuple[Fit, ...]]) -> int:
    lefts = sum(isinstance(build.need(each), Left) for each in fits)
    return len(build.need(file).read_text()) + lefts + len(build.need(many))


@stage(version="1")
def refused(build: Build, number: int) -> Result[Fit, dict[str, int]]:
    return Failure({"b": number, "a": 1})


@stage(version="1", outputs=3)
def several(build: Build) -> int:
    return build.seed


@pytest.fixture(autouse=True)
def forget() -> None:
    COUNT.clear()
    BEHAVES.clear()


@pytest.fixture(params=["memory", "directory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "store"
    with memory_world(folder) if request.param == "memory" else open_world(folder) as made:
        yield made


@pytest.fixture
def inline(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "store") as made:
        yield made


def made(world: World, *plans: Derivation[Any]) -> list[RRef]:
    return [rref for each in unwrap(realize_all(world, plans)) for rref in each.rrefs]


def test_what_comes_out_the_same_is_identical(world: World, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("text")
    file = source_file(tmp_path / "in.txt")
    plans = [
        steady(3),
        loss(steady(3)),
        refused(1),
        lengths(file, [steady(1).tolerate(), refused(2).tolerate()], steady(2).collect(some(2))),
        several(),
    ]
    for rref in made(world, *plans, several().collect(some(3))):
        found = unwrap(check(world, rref, plans))
        assert isinstance(found, Identical), found
        assert found.rref == rref and found.code is None and found.seconds > 0


@pytest.mark.parametrize("workers", [0, 1])
def test_the_stage_is_imported_where_no_plan_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    module = load(tmp_path, monkeypatch)
    with open_world(tmp_path / "store", workers=workers) as world:
        (rref,) = made(world, module.top(module.base(2)))
        sys.modules.pop("checked")
        assert isinstance(unwrap(check(world, rref)), Identical)
        load(tmp_path, monkeypatch, MODULE.replace("+ 1", "+ 2"))
    with open_world(tmp_path / "store", workers=workers) as world:
        found = unwrap(check(world, rref))
        assert isinstance(found, Different) and found.fields == (FieldChanged("", 5, 6),)


def kept(root: Path) -> dict[Path, int]:
    """All files of a store with their times, but for the index and what is private to those who have it open."""
    paths = [path for path in root.rglob("*") if "index" not in path.name and (root / "tmp") not in path.parents]
    return {path: path.lstat().st_mtime_ns for path in paths if path.name != "tmp"}


def test_nothing_is_stored(inline: World, tmp_path: Path) -> None:
    (rref,) = made(inline, steady(3))
    root = tmp_path / "store"
    before = kept(root)
    stored = unwrap(inline.store.newest(None, 99))
    assert isinstance(unwrap(check(inline, rref, steady(3))), Identical)
    assert COUNT == [3, 3]
    assert unwrap(inline.store.newest(None, 99)) == stored
    assert kept(root) == before


def differing(world: World, first: Any, second: Any) -> Different:
    BEHAVES["do"] = first
    (rref,) = made(world, moody(first.__name__ + second.__name__))
    BEHAVES["do"] = second
    found = unwrap(check(world, rref, moody()))
    assert isinstance(found, Different), found
    return found


def test_a_value_that_differs(inline: World) -> None:
    found = differing(inline, lambda build: {"a": 1, "b": 2}, lambda build: {"a": 1, "b": 3, "c": 4})
    assert found.fields == (FieldChanged("b", 2, 3), FieldChanged("c", None, 4))
    assert found.files == () and not found.files_gone and found.code is None


def one(build: Build) -> dict[str, int]:
    (build.out / "same").write_text("same")
    (build.out / "bytes").write_text("one")
    (build.out / "longer").write_text("one")
    (build.out / "gone").write_text("one")
    (build.out / "run").write_text("run")
    (build.out / "kind").mkdir()
    (build.out / "link").symlink_to("same")
    return {}


def two(build: Build) -> dict[str, int]:
    (build.out / "same").write_text("same")
    (build.out / "bytes").write_text("two")
    (build.out / "longer").write_text("three")
    (build.out / "new").mkdir()
    (build.out / "run").write_text("run")
    (build.out / "run").chmod(0o755)
    (build.out / "kind").write_text("kind")
    (build.out / "link").symlink_to("run")
    return {}


def test_files_that_differ_are_told_one_by_one(inline: World) -> None:
    found = differing(inline, one, two)
    assert found.fields == ()
    told = {each.path: (each.old, each.new) for each in found.files}
    assert sorted(told) == ["bytes", "gone", "kind", "link", "longer", "new", "run"]
    assert told["gone"][1] is None and told["new"][0] is None
    old, new = told["kind"]
    assert old is not None and new is not None and (old.kind, new.kind) == (Kind.FOLDER, Kind.FILE)
    old, new = told["run"]
    assert old is not None and new is not None and (old.executable, new.executable) == (False, True)
    old, new = told["longer"]
    assert old is not None and new is not None and (old.size, new.size) == (3, 5)


def test_files_that_one_side_has_alone(inline: World) -> None:
    found = differing(inline, lambda build: {}, one)
    assert len(found.files) == 7 and all(each.old is None for each in found.files)


def boom(build: Build) -> dict[str, int]:
    (build.out / "half").write_text("half")
    raise ValueError("boom")


def pipe(build: Build) -> dict[str, int]:
    (build.out / "kept").write_text("kept")
    os.mkfifo(build.out / "pipe")
    return {}


def test_a_left_is_compared_too(inline: World) -> None:
    found = differing(inline, one, boom)
    assert (found.recorded.kind, found.found.kind) == ("right", "raised")
    found = differing(inline, pipe, boom)
    assert (found.recorded.kind, found.found.kind) == ("bad_output", "raised")
    for same in (boom, pipe):
        BEHAVES["do"] = same
        (rref,) = made(inline, moody(same.__name__))
        assert isinstance(unwrap(check(inline, rref, moody())), Identical)


def test_recorded_files_that_are_gone_are_compared_by_their_digest(inline: World, tmp_path: Path) -> None:
    BEHAVES["do"] = one
    (rref,) = made(inline, moody())
    for folder in (tmp_path / "store" / "objects").iterdir():
        folder.chmod(0o700)
        shutil.rmtree(folder)
    assert isinstance(unwrap(check(inline, rref, moody())), Identical)
    BEHAVES["do"] = two
    found = unwrap(check(inline, rref, moody()))
    assert isinstance(found, Different) and found.files_gone and found.files == ()


def test_an_input_that_is_gone(inline: World, tmp_path: Path) -> None:
    (rref,) = made(inline, loss(steady(4)))
    for folder in (tmp_path / "store" / "objects").iterdir():
        folder.chmod(0o700)
        shutil.rmtree(folder)
    found = unwrap(check(inline, rref, loss(steady(4))))
    assert isinstance(found, NotChecked) and "which it stands on, is gone" in found.why


@stage(version="1", ephemeral=True)
def first_dropped(build: Build, name: str) -> Path:
    (build.out / "f").write_text(name + BEHAVES.get(name, ""))
    return build.out / "f"


@stage(version="1", ephemeral=True)
def second_dropped(build: Build, files: list[Derivation[Path]]) -> Path:
    (build.out / "s").write_text("".join(build.need(each).read_text() for each in files))
    return build.out / "s"


@stage(version="1")
def reads(build: Build, files: list[Derivation[Path]]) -> list[str]:
    return [build.need(each).read_text() for each in files]


def test_what_stands_on_files_that_were_dropped_could_not_be_checked(inline: World, tmp_path: Path) -> None:
    """Trap: nothing that stands on an ephemeral file could be. They are made again, and stay nowhere."""
    one, other = first_dropped("one"), first_dropped("other")
    plan = reads([second_dropped([one, other]), one])
    (rref,) = made(inline, plan)
    assert list((tmp_path / "store" / "objects").iterdir()) == []
    found = unwrap(check(inline, rref, plan))
    assert isinstance(found, Identical) and found.rref == rref
    assert list((tmp_path / "store" / "objects").iterdir()) == []
    BEHAVES["other"] = "!"
    found = unwrap(check(inline, rref, plan))
    assert isinstance(found, Different) and found.rref.dref == other.dref and found.files_gone
    assert list((tmp_path / "store" / "objects").iterdir()) == []


def test_what_was_dropped_and_cannot_be_made_again(inline: World, tmp_path: Path) -> None:
    fit = steady(3)
    plan = reads([second_dropped([fit.part(lambda fit: fit.weights)])])
    (rref,) = made(inline, plan)
    for file in (tmp_path / "store" / "objects").glob("*/deep/w"):
        file.chmod(0o644)
        file.write_text("")
    found = unwrap(check(inline, rref, plan))
    assert isinstance(found, NotChecked) and found.rref == rref
    assert "were dropped, and cannot be made again: files of " in found.why and "are damaged" in found.why


def test_what_was_not_run_cannot_be_checked(inline: World, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("text")
    BEHAVES["do"] = boom
    source, left = source_file(tmp_path / "in.txt"), loss(refused(1))
    why = {}
    for rref in made(inline, source, left):
        found = unwrap(check(inline, rref))
        assert isinstance(found, NotChecked)
        why[rref.dref.name.text] = found.why
    assert why["in.txt"].startswith("it is a copy of a file or folder from outside")
    assert why["loss"] == "it was not run, since it stands on what is LEFT"
    stranger = RRef.of(source.dref, key="k", index=0, content="c")
    assert unwrap(check(inline, stranger)) == NotChecked(stranger, "it is not stored")


def test_what_may_not_run_is_not_checked(inline: World) -> None:
    """Trap: that it refused to run was told as a difference."""
    (rref,) = made(inline, steady())
    found = unwrap(check(inline, rref, realized(steady())))
    assert isinstance(found, NotChecked)
    assert found.why == "its plan says that it may not run"
    assert isinstance(unwrap(check(inline, rref, steady())), Identical)


def test_a_stage_made_inside_a_function_needs_the_plan(inline: World) -> None:
    def local(build: Build, number: int) -> int:
        return number

    plan = stage(version="1")(local)(3)
    (rref,) = made(inline, plan)
    found = unwrap(check(inline, rref))
    assert isinstance(found, NotChecked)
    assert "it was made inside a function" in found.why and "--plan module:plan" in found.hint
    assert isinstance(unwrap(check(inline, rref, {"the": plan})), Identical)


@stage(version="1")
def asks(build: Build, count: int) -> float:
    return sum(build.need(loss(steady(each))) for each in range(count))


def test_what_asked_as_it_ran_is_given_the_same_again(inline: World) -> None:
    (rref,) = made(inline, asks(2))
    for plans in ((), [asks(2), loss(steady(0))]):
        found = unwrap(check(inline, rref, plans))
        assert isinstance(found, Identical), found
        assert not [each for each in inline.store.place().parent.iterdir() if list(each.iterdir())]


MODULE = """
from lightfx import Build, Derivation, stage

def helper(number):
    return number * 2

@stage
def base(build: Build, number: int) -> int:
    return helper(number)

@stage
def top(build: Build, base: Derivation[int]) -> int:
    return build.need(base) + 1
"""


def load(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str = MODULE) -> Any:
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (folder / "checked.py").write_text(text)
    sys.modules.pop("checked", None)
    importlib.invalidate_caches()
    return importlib.import_module("checked")


@pytest.mark.parametrize(("now", "same"), [("2 * number", True), ("number * 3", False)])
def test_code_that_changed_since_is_said_so(
    inline: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str, same: bool
) -> None:
    """The code of now is run: did the change change anything?"""
    (rref,) = made(inline, load(tmp_path, monkeypatch).base(4))
    module = load(tmp_path, monkeypatch, MODULE.replace("number * 2", now))
    for plans in ((), module.base(4)):
        found = unwrap(check(inline, rref, plans))
        assert isinstance(found, Identical if same else Different)
        assert found.code is not None and found.code.changed == ("checked:helper",)
    assert evaluate(inline, module.base(4)) == (8 if same else 12), "nothing was stored of the check"


def test_inputs_of_a_stage_that_cannot_be_imported_need_the_plan(inline: World) -> None:
    def local(build: Build) -> Fit:
        (build.out / "w").touch()
        return Fit(1.0, build.out / "w")

    plan = loss(stage(version="1")(local)())
    (rref,) = made(inline, plan)
    found = unwrap(check(inline, rref))
    assert isinstance(found, NotChecked) and "--plan" in found.hint
    assert isinstance(unwrap(check(inline, rref, plan)), Identical)


@frozen(eq=False)
class Odd:
    """A realizer that answers as it is told."""

    answer: Any
    terms: Terms = Terms()
    type: object = int

    def parts(self) -> tuple[tuple[str, str], ...]:
        return ()

    def current(self, config: Config, /) -> bool:
        return True

    def decode(self, tree: Any, folder: Path | None, /) -> Any:
        return Success(tree)

    def made_by(self) -> MadeBy:
        return MadeBy()

    def __call__(self, order: BuildOrder, /) -> Any:
        return self.answer


def test_a_realizer_that_answers_otherwise(inline: World) -> None:
    (rref,) = made(inline, refused(1))
    two = Success((Output(1), Output(2)))
    found = unwrap(check_with(inline, rref, lambda _: Success(Odd(two))))
    assert isinstance(found, Different) and found.found.kind == "bad_output"
    found = unwrap(check_with(inline, rref, lambda _: Success(Odd(Failure(Asks(()))))))
    assert isinstance(found, NotChecked) and "asks for other derivations" in found.why
    with pytest.raises(EngineError):
        unwrap(check_with(inline, rref, lambda _: Success(Odd(Failure(PoolLost("gone"))))))


def test_what_it_asked_for_is_given_again(inline: World) -> None:
    """Needs that a stage made as it ran: found again by what they held."""
    given, rref = made(inline, steady(9), refused(1))
    (record,) = unwrap(inline.store.realizations((rref,))).values()
    (config,) = unwrap(inline.store.configs((rref.dref,))).values()
    content = unwrap(inline.store.realizations((given,)))[given].content
    for number, contents in enumerate(((content,), (Digest.of(b"gone"),))):
        asked = ((Reference(given.dref), contents),)
        again = evolve(record, rref=RRef.of(rref.dref, key=f"k{number}", index=0, content="c"), asked=asked)
        unwrap(inline.store.commit([Entry(config, again)]))
        found = unwrap(check(inline, again.rref))
        if number:
            assert isinstance(found, NotChecked) and found.why == f"what it got of {given.dref} is gone"
        else:
            assert isinstance(found, Identical)


def test_an_interrupt_leaves_nothing(inline: World, tmp_path: Path) -> None:
    def interrupt(build: Build) -> dict[str, int]:
        (build.out / "half").write_text("half")
        raise KeyboardInterrupt

    BEHAVES["do"] = one
    (rref,) = made(inline, moody())
    BEHAVES["do"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        check(inline, rref, moody())
    assert not any(path.name == "half" for path in (tmp_path / "store").rglob("*"))
    BEHAVES["do"] = one
    assert isinstance(unwrap(check(inline, rref, moody())), Identical)


def test_success_is_no_result_of_a_stage_that_says_none(inline: World) -> None:
    BEHAVES["do"] = lambda build: Success({})
    (rref,) = made(inline, moody("success"))
    assert isinstance(unwrap(check(inline, rref, moody())), Identical)
