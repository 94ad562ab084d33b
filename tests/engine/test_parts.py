"""Depending on a part of a value: a field, an item, one file of many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from part_stages import Model, broken, doubles, model, weighs

from lightfx import Left, Upstream, World, evaluate, open_world, realize, source_tree, unwrap
from lightfx.core.parts import NoPartError
from lightfx.matchers import latest, some


@pytest.fixture(params=["inline", "workers"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "store", workers=1 if request.param == "workers" else 0) as opened:
        yield opened


def notes(ran: Path) -> list[str]:
    lines = sorted(ran.read_text().split())
    ran.write_text("")
    return lines


def test_what_uses_a_part_is_rebuilt_only_when_that_part_changes(world: World, ran: Path) -> None:
    def plans(rate: float, remark: str) -> list[object]:
        made = model(str(ran), rate, remark)
        weights = weighs(made.part(lambda m: m.layers[0].weights), str(ran))
        score = doubles(made.part(lambda m: m.scores["rate"]), str(ran))
        return [evaluate(world, weights), evaluate(world, score)]

    assert plans(0.5, "first") == ["0.5", 1.0]
    assert notes(ran) == ["doubles", "model", "weighs"]
    assert plans(0.5, "second remark") == ["0.5", 1.0]
    assert notes(ran) == ["model"]
    assert plans(0.25, "second remark") == ["0.25", 0.5]
    assert notes(ran) == ["doubles", "model", "weighs"]


def test_a_part_is_a_value_of_its_own(world: World, ran: Path) -> None:
    made = model(str(ran), 0.5, "x")
    assert evaluate(world, made.part(lambda m: m.layers[0].size)) == 1
    assert evaluate(world, made.part(lambda m: m.scores)) == {"rate": 0.5, "remark": 1.0}
    weights = evaluate(world, made.part(lambda m: m.layers).part(lambda layers: layers[0]).part(lambda x: x.weights))
    assert (weights.read_text(), weights.name) == ("0.5", "w.bin")
    assert not weights.is_relative_to(evaluate(world, made).notes.parent)
    assert sorted(each.name for each in evaluate(world, made.part(lambda m: m.notes)).iterdir()) == ["a.txt", "b.txt"]


def test_the_config_of_a_part_is_as_the_document_says(ran: Path) -> None:
    made = model(str(ran), 0.5, "x")
    part = made.part(lambda m: m.layers[0].weights)
    assert part.origin.config.tree == {
        "args": {
            "of": {"$dref": made.dref.text},
            "path": [{"attribute": "layers"}, {"item": 0}, {"attribute": "weights"}],
        },
        "code": {"part": 1},
        "name": part.dref.name.text,
    }


def test_one_file_of_many(world: World, tmp_path: Path, ran: Path) -> None:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "one.txt").write_text("one")
    (folder / "other.txt").write_text("other")

    def one() -> str:
        return evaluate(world, weighs(source_tree(folder).part(lambda path: path / "sub" / "one.txt"), str(ran)))

    assert (one(), notes(ran)) == ("one", ["weighs"])
    (folder / "other.txt").write_text("another")
    assert (one(), notes(ran)) == ("one", [])
    (folder / "sub" / "one.txt").write_text("two")
    assert (one(), notes(ran)) == ("two", ["weighs"])


def test_a_part_of_a_left_inherits_it(world: World) -> None:
    outcome = unwrap(realize(world, broken().part(lambda m: m.scores)))
    assert isinstance(outcome, Left)
    assert isinstance(outcome.cause, Upstream)


def test_a_file_that_is_not_there_is_a_left(world: World, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    outcome = unwrap(realize(world, source_tree(tmp_path / "data").part(lambda path: path / "none.txt")))
    assert isinstance(outcome, Left)
    assert "none.txt" in outcome.reason
    assert str(tmp_path) not in outcome.reason, "no path of this machine is part of a content"


def test_plans_with_parts_are_equal_where_the_paths_are(ran: Path) -> None:
    made = model(str(ran), 0.5)
    one, other = made.part(lambda m: m.scores["rate"]), made.part(lambda whole: whole.scores["rate"])
    assert one == other
    assert one.dref.name.text == "model.scores-rate"
    assert one != made.choose(latest()).part(lambda m: m.scores["rate"])


@pytest.mark.parametrize(
    "select",
    [
        lambda m: m,
        lambda m: m.rate,
        lambda m: m.scores["rate"] + 1,
        lambda m: m.layers[True],
        lambda m: list(m.layers),
        lambda m: m.notes / "../up",
        lambda m: m.layers[0].size / "no folder",
        lambda m: 3,
        lambda m: m.scores[1],
        lambda m: m.layers["0"],
    ],
)
def test_what_leads_to_no_part_is_refused_when_it_is_planned(ran: Path, select: object) -> None:
    with pytest.raises(NoPartError):
        model(str(ran), 0.5).part(select)  # type: ignore[arg-type]


def test_a_part_of_many_is_refused(ran: Path) -> None:
    with pytest.raises(NoPartError, match="take the part first"):
        model(str(ran), 0.5).collect(some(2)).part(lambda models: models[0])


def size(whole: Model) -> int:
    return whole.layers[0].size


def test_a_named_function_will_do(world: World, ran: Path) -> None:
    assert evaluate(world, model(str(ran), 0.5, "xyz").part(size)) == 3
