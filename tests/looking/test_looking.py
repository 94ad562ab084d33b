"""Looking around in a store, in memory and on the disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from returns.result import Failure

from lightfx import Build, Derivation, DRef, RRef, World, evaluate, memory_world, open_world, realize, stage, unwrap
from lightfx.core.failures import NotStored, SystemTrouble
from lightfx.core.names import Digest
from lightfx.core.outcome import Cause
from lightfx.garbage import add_root, gc, list_roots, why_alive
from lightfx.looking import alldrefs, allrrefs, cat, deps, diff, du, find, link, ls, rdeps, roots, shell
from lightfx.plan.changes import FieldChanged
from lightfx.plan.searching import STATUSES


@stage(version="1")
def data(build: Build, rows: int) -> Path:
    (build.out / "deep").mkdir()
    (build.out / "deep" / "rows.txt").write_text("x" * rows)
    (build.out / "same.txt").write_text("same")
    return build.out


@stage(version="1")
def fit(build: Build, data: Derivation[Path], rate: float, tags: list[str]) -> float:
    if rate < 0:
        raise ValueError("no way")
    return (build.need(data) / "deep" / "rows.txt").stat().st_size * rate


@stage(version="1")
def best(build: Build, fits: list[Derivation[float]]) -> float:
    return max(map(build.need, fits))


@pytest.fixture(params=["memory", "disk"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with memory_world(tmp_path / "scratch") if request.param == "memory" else open_world(tmp_path / "store") as opened:
        evaluate(opened, PLAN)
        unwrap(realize(opened, BROKEN))
        yield opened


FITS = [fit(data(10), 0.5, ["a"]), fit(data(20), 1.0, ["a", "b"])]
PLAN = best(FITS)
BROKEN = fit(data(10), -1.0, [])


def rref(world: World, plan: Derivation[Any]) -> RRef:
    return unwrap(realize(world, plan)).rrefs[0]


def names(refs: tuple[Any, ...]) -> list[str]:
    return sorted((ref.dref if isinstance(ref, RRef) else ref).name.text for ref in refs)


def failed(world: World, io: Any) -> Any:
    result = world.perform.result(io)
    assert isinstance(result, Failure), result
    return result.failure()


def test_all_there_is(world: World) -> None:
    assert names(unwrap(alldrefs(world))) == ["best", "data", "data", "fit", "fit", "fit"]
    assert names(unwrap(allrrefs(world))) == ["best", "data", "data", "fit", "fit", "fit"]
    assert set(unwrap(roots(world))) == {rref(world, PLAN), rref(world, BROKEN)}


def test_what_stands_on_what(world: World) -> None:
    top, low = rref(world, PLAN), rref(world, data(10))
    assert names(unwrap(deps(world, top))) == ["fit", "fit"]
    assert names(unwrap(deps(world, top, deep=True))) == ["data", "data", "fit", "fit"]
    assert set(unwrap(rdeps(world, low))) == {rref(world, FITS[0]), rref(world, BROKEN)}
    assert names(unwrap(rdeps(world, low, deep=True))) == ["best", "fit", "fit"]
    assert set(unwrap(deps(world, PLAN.dref))) == {each.dref for each in FITS}
    assert set(unwrap(rdeps(world, data(20).dref, deep=True))) == {FITS[1].dref, PLAN.dref}
    nothing = data(99).dref
    assert failed(world, deps(world, nothing)) == NotStored(nothing.text)
    strange = RRef(f"{'a' * 32}-{nothing}")
    assert failed(world, rdeps(world, strange)) == NotStored(strange.text)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({}, 6),
        ({"status": "right"}, 5),
        ({"status": "left"}, 1),
        ({"status": "raised"}, 1),
        ({"status": "died"}, 0),
        ({"fields": {"rate": 0.5}}, 1),
        ({"fields": {"rate": 1}}, 1),
        ({"fields": {"rate": True}}, 0),
        ({"fields": {"rate": None}}, 0),
        ({"fields": {"args.tags.1": "b"}}, 1),
        ({"fields": {"tags[0]": "a"}}, 2),
        ({"fields": {"tags": ["a"]}}, 1),
        ({"fields": {"code.version": "1"}}, 6),
        ({"fields": {"code.version": "1", "rows": 10}}, 1),
        ({"newer_than": 3600}, 6),
        ({"newer_than": timedelta(hours=1)}, 6),
        ({"newer_than": -3600.0}, 0),
        ({"newer_than": datetime.now(UTC) + timedelta(hours=1)}, 0),
    ],
)
def test_searches(world: World, search: dict[str, Any], found: int) -> None:
    assert len(unwrap(find(world, **search))) == found


def test_a_status_that_there_is_none_of_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="status is 'bogus'; it is one of right, left, returned, raised"):
        find(world, status="bogus")  # type: ignore[arg-type]
    kinds = {each.kind for each in get_args(Cause)}
    assert set(STATUSES) == {"", "right", "left", *kinds}


def test_searches_by_name(world: World) -> None:
    assert names(tuple(each.rref for each in unwrap(find(world, "f*")))) == ["fit", "fit", "fit"]
    assert unwrap(find(world, "F*")) == ()
    times = [each.created for each in unwrap(find(world))]
    assert times == sorted(times, reverse=True)


def test_how_much_room_things_take(world: World) -> None:
    by_name = unwrap(du(world))
    assert list(by_name) == ["best", "data", "fit"]
    assert (by_name["data"].realizations, by_name["data"].objects) == (2, 2)
    assert by_name["data"].size > 38
    assert by_name["fit"].objects == 0
    of_top = unwrap(du(world, rref(world, PLAN), data(10).dref))
    assert of_top[rref(world, PLAN)].realizations == 5
    assert of_top[rref(world, PLAN)].size > of_top[data(10).dref].size > 14


def test_files(world: World) -> None:
    ref = rref(world, data(10))
    assert [each.path for each in unwrap(ls(world, ref))] == ["deep", "deep/rows.txt", "same.txt"]
    assert [each.path for each in unwrap(ls(world, ref, "deep/"))] == ["deep", "deep/rows.txt"]
    assert isinstance(failed(world, ls(world, ref, "de")), NotStored)
    assert unwrap(cat(world, ref, "deep/rows.txt")) == b"x" * 10
    assert unwrap(cat(world, ref, "deep/rows.txt", limit=3)) == b"xxx"


@pytest.mark.parametrize("path", ["nothing", "../x", "/etc/passwd", "deep/../same.txt", "deep", "same.txt/x"])
def test_only_files_that_are_in_it_are_read(world: World, path: str) -> None:
    assert isinstance(failed(world, cat(world, rref(world, data(10)), path)), NotStored)


def test_a_plan_is_no_reference(world: World) -> None:
    """The trap: it ended in an AttributeError about insides."""
    given: Any = PLAN
    for act in (deps, rdeps, du, ls, link, shell, add_root, why_alive):
        with pytest.raises(TypeError, match=r"a reference is wanted, .* not Derivation: that of a plan is plan.dref"):
            act(world, given)
    with pytest.raises(TypeError, match=r"not Derivation"):
        diff(world, rref(world, PLAN), given)
    given = PLAN.dref
    with pytest.raises(TypeError, match=r"a realization is wanted, RRef, not DRef"):
        ls(world, given)


def test_a_path_that_is_not_in_it_is_no_empty_folder(world: World) -> None:
    ref = rref(world, data(10))
    for path in ("zz", "deep/zz", "de", "../deep", "/deep"):
        failure = failed(world, ls(world, ref, path))
        assert isinstance(failure, NotStored)
        assert f"there is no {path!r} in it" in str(failure)
    assert [each.path for each in unwrap(ls(world, ref, "deep/"))] == ["deep", "deep/rows.txt"]


def test_what_has_no_files_says_so(world: World) -> None:
    ref = rref(world, PLAN)
    for act in (ls(world, ref), cat(world, ref, "x"), link(world, ref), shell(world, ref, "true")):
        assert "no files" in failed(world, act).why
    strange = RRef(f"{'a' * 32}-{ref.dref}")
    assert failed(world, ls(world, strange)) == NotStored(strange.text)


def test_differences(world: World) -> None:
    one, other = rref(world, data(10)), rref(world, data(20))
    found = unwrap(diff(world, one, other))
    assert found.config == (FieldChanged("args.rows", 10, 20),)
    assert [each.path for each in found.files] == ["deep/rows.txt"]
    assert found.fields == ()
    assert unwrap(diff(world, one, one)).same
    values = unwrap(diff(world, rref(world, FITS[0]), rref(world, FITS[1])))
    assert values.fields == (FieldChanged("", 5.0, 20.0),)
    only_configs = unwrap(diff(world, one.dref, other.dref))
    assert (only_configs.config, only_configs.files) == (found.config, ())
    strange = DRef(f"{'a' * 32}-x")
    assert failed(world, diff(world, one.dref, strange)) == NotStored(strange.text)
    gone = RRef(f"{'a' * 32}-{one.dref}")
    assert failed(world, diff(world, one, gone)) == NotStored(gone.text)


def test_files_of_one_that_are_gone_are_said_to_be(world: World) -> None:
    one, other = rref(world, data(10)), rref(world, data(20))
    tree = unwrap(world.store.realizations((one,)))[one].tree
    assert isinstance(tree, Digest)
    folder = world.store.folder_of(tree)
    folder.chmod(0o755)
    folder.rename(folder.parent / "elsewhere")
    found = unwrap(diff(world, one, other))
    assert found.files_gone
    assert not found.same
    assert "gone" in failed(world, ls(world, one)).why
    assert "dropped" in failed(world, link(world, one)).why


def test_a_link_keeps_what_it_leads_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open_world(tmp_path / "store") as world:
        evaluate(world, PLAN)
        ref = rref(world, data(10))
        made = unwrap(link(world, ref))
        assert made == tmp_path / "result-data"
        assert (made / "same.txt").read_text() == "same"
        assert [root.link for root in unwrap(list_roots(world))] == [str(made)]
        other = unwrap(link(world, rref(world, data(20)), "result-data"))
        assert other == made
        assert [root.ref for root in unwrap(list_roots(world))] == [rref(world, data(20))]
        assert unwrap(gc(world)).left == 1
        assert (made / "deep" / "rows.txt").read_text() == "x" * 20
        made.unlink()
        assert unwrap(gc(world)).left == 0
        assert not list((tmp_path / "store" / "objects").iterdir())


def test_a_link_takes_no_place_but_that_of_a_link(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert isinstance(failed(world, link(world, rref(world, data(10)), tmp_path / "file")), SystemTrouble)
    assert (tmp_path / "file").read_text() == "mine"
    assert isinstance(failed(world, link(world, rref(world, data(10)), tmp_path / "no" / "where")), SystemTrouble)
    assert unwrap(list_roots(world)) == []
    assert sorted(os.listdir(tmp_path)) == sorted(
        ["file", *(x for x in ("scratch", "store") if (tmp_path / x).exists())]
    )


def test_a_shell_is_where_the_files_are(world: World) -> None:
    ref = rref(world, data(10))
    look = f"import os, sys; sys.exit(os.path.isfile('same.txt') and os.environ['LIGHTFX_RREF'] == '{ref}' and 7)"
    assert unwrap(shell(world, ref, sys.executable, "-c", look)) == 7
    assert isinstance(failed(world, shell(world, ref, "/no/such/program")), SystemTrouble)


def test_the_users_own_shell_is_the_default(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/true")
    assert unwrap(shell(world, rref(world, data(10)))) == 0
