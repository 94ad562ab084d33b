"""What the strategies draw is what they say."""

from __future__ import annotations

from hypothesis import find, given, settings
from hypothesis import strategies as st

from lightfx import Config, Derivation, Left, Outcome, Right, instantiate
from lightfx.core.config import Config as CoreConfig
from lightfx.core.names import Name
from lightfx.testing import assert_reused
from lightfx.testing.strategies import FLOATS, Lived, configs, dags, histories, outcomes, scenes, values, worlds


@given(configs())
def test_configs_are_read_back(config: Config) -> None:
    assert CoreConfig.parse(config.text).unwrap() == config


@given(values())
def test_values_can_be_stored(value: object) -> None:
    assert Config.of(x=value).tree["x"] == value or value != value  # type: ignore[arg-type]


@given(dags())
def test_dags_can_be_realized(plans: list[Derivation[int]]) -> None:
    order = list(instantiate(plans).derivations)
    assert set(order) >= {plan.dref for plan in plans}


@given(histories())
def test_histories_end_where_they_began(history: list[list[Derivation[int]]]) -> None:
    assert history[0] == history[-1]
    assert len({len(plans) for plans in history}) == 1


@given(worlds())
@settings(max_examples=15)
def test_what_lived_is_stored(lived: Lived) -> None:
    with lived.world as world:
        for plans in lived.history:
            assert_reused(world, plans)


def test_every_kind_of_outcome_is_drawn() -> None:
    drawn: st.SearchStrategy[Outcome[int]] = outcomes(st.integers(0, 2))
    for kind in ("returned", "raised", "timed_out", "died", "bad_output", "cancelled"):
        found = find(drawn, lambda each: isinstance(each, Left) and each.kind == kind)
        assert isinstance(found, Left)
    assert isinstance(find(drawn, lambda each: isinstance(each, Right)), Right)


def test_scenes_have_lefts_and_equal_values() -> None:
    find(scenes(FLOATS), lambda scene: any(not each.is_right for each in scene.shown))
    find(scenes(FLOATS), lambda scene: len(scene.shown) == 3)
    assert Name("draw").text in {plan.dref.name.text for plan in find(dags(), lambda plans: _draws(plans))}


def _draws(plans: list[Derivation[int]]) -> bool:
    return any(plan.dref.name.text == "draw" for plan in plans)
