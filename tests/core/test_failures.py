"""Every failure has a sentence, and the sentence names its facts."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import get_args

import attrs
import pytest

from lightfx.core import failures
from lightfx.core.failures import EngineError, EngineFailure, sentence
from lightfx.core.names import Digest
from lightfx.core.refs import DRef, RRef

SAMPLES: dict[str, object] = {
    "Path": Path("/the/path"),
    "str": "the-{}-text",
    "int": 77,
    "DRef": DRef("d" * 32 + "-plan"),
    "Digest": Digest("blake3:" + 64 * "a"),
    "Digest | None": Digest("blake3:" + 64 * "b"),
    "tuple[RRef, ...]": (RRef("r" * 32 + "-" + "d" * 32 + "-plan"),),
    "tuple[str, ...]": ("the-first", "the-second"),
}
KINDS = get_args(EngineFailure)


def sample(kind: type) -> EngineFailure:
    values = {
        each.name: value.format(each.name) if isinstance(value, str) else value
        for each in attrs.fields(kind)
        for value in [SAMPLES[each.type if isinstance(each.type, str) else each.type.__name__]]
    }
    made: EngineFailure = kind(**values)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_each_failure_has_a_sentence_that_names_its_facts(kind: type) -> None:
    failure = sample(kind)
    said = sentence(failure)
    assert said
    assert "\n" not in said
    for each in attrs.fields(kind):
        fact = getattr(failure, each.name)
        assert all(str(part) in said for part in (fact if isinstance(fact, tuple) else (fact,))), each.name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("again", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
def test_each_error_travels(kind: type, again: object) -> None:
    error = EngineError(sample(kind))
    twin = again(error)  # type: ignore[operator]  # a table of functions
    assert twin.failure == error.failure
    assert str(twin) == sentence(error.failure)


def test_the_tree_at_the_head_is_complete() -> None:
    for kind in KINDS:
        assert kind.__name__ in (failures.__doc__ or "")


def test_sentences_are_told_apart() -> None:
    assert len({sentence(sample(kind)) for kind in KINDS}) == len(KINDS)
