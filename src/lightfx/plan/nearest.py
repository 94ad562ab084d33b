"""The past of a stage: what was realized of it before, and which of that is nearest to a plan.

Nearest is what is the same but for its code, or used what is nearest to what
this one uses. Near is what has the same parameters; then what differs in one of them; of
these, what differs least and was realized last. Other code and other inputs
count less than other parameters: a cell of a grid is compared with itself.

Theory of operation: a plan may have a hundred thousand cells, and so may the
past. So the past is not searched through, it is looked up: by all parameters,
and by all but one. What differs in more is looked for among the `FAR` newest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from statistics import median
from typing import Final, TypeAlias, final

from attrs import Factory, define, field, frozen

from lightfx.core.config import Config, Reference
from lightfx.core.realization import Context, Realization
from lightfx.core.refs import DRef, RRef
from lightfx.plan.changes import changes, distance

FAR: Final = 64
_CLOSE: Final = 8
_MANY_FIELDS: Final = 40
_NOTHING: Final[Mapping[DRef, DRef]] = {}
_CODE: Final = re.compile(r'"code":\{"fingerprint":"[^"]*"')
_DREF: Final = re.compile(r'\{"\$dref":"([^"]+)"')
_Fields: TypeAlias = frozenset[tuple[str, str]]
Moved: TypeAlias = tuple[tuple[Reference, tuple[RRef, ...], tuple[RRef, ...]], ...]
"""References that came to other realizations, with those of before and those of now."""


@final
@frozen
class Earlier:
    """An earlier derivation: when it was realized last, the seconds that its runs took, its parameters as spelled."""

    dref: DRef
    created: float
    config: Config
    seconds: tuple[float, ...] = ()
    fields: _Fields = frozenset()


@final
@define(eq=False)
class Past:
    """The earlier derivations of one stage, found by how near they are."""

    newest: Sequence[Earlier]
    _far: Sequence[Earlier] = field(init=False, default=Factory(lambda self: self.newest[:FAR], takes_self=True))
    _exact: dict[str, Earlier] = Factory(dict)
    _alike: dict[_Fields, list[Earlier]] = Factory(dict)
    _but_one: dict[_Fields, list[Earlier]] = Factory(dict)

    @classmethod
    def of(cls, realizations: Iterable[Realization], configs: Mapping[DRef, Config]) -> Past:
        """Make the past of what was realized, newest first."""
        by_dref: dict[DRef, list[Realization]] = {}
        for each in realizations:
            by_dref.setdefault(each.dref, []).append(each)
        earlier = [
            Earlier(dref, own[0].created, configs[dref], _seconds(own), _fields(configs[dref]))
            for dref, own in by_dref.items()
            if dref in configs
        ]
        past = cls(sorted(earlier, key=lambda one: (-one.created, one.dref)))
        for one in past.newest:
            past._enter(one)
        return past

    def _enter(self, earlier: Earlier) -> None:
        self._exact.setdefault(_codeless(earlier.config.text), earlier)
        _note(self._alike, earlier.fields, earlier)
        for less in _less_one(earlier.fields):
            _note(self._but_one, less, earlier)

    def nearest(self, config: Config, before: Mapping[DRef, DRef] = _NOTHING) -> Earlier | None:
        """Find the derivation that is nearest to one with this config, and is another.

        ``before`` says of derivations that this one uses which earlier ones
        are nearest to them: best is what used those, and is else the same.
        """
        then = _DREF.sub(lambda found: _reference(before.get(DRef(found[1]), DRef(found[1]))), config.text)
        same = self._exact.get(_codeless(then))
        if same is not None and same.config != config:
            return same
        fields = _fields(config)
        for group in self._groups(fields):
            others = [each for each in group if each.config != config]
            if others:
                return _least(others, fields, config)
        return None

    def seconds(self, config: Config) -> float | None:
        """Estimate the seconds that a run with this config takes: the median of those that are nearest; or unknown."""
        for group in self._groups(_fields(config)):
            seconds = [each for earlier in group for each in earlier.seconds]
            if seconds:
                return median(seconds)
        return self._typical

    @cached_property
    def _typical(self) -> float | None:
        seconds = [each for earlier in self.newest for each in earlier.seconds]
        return median(seconds) if seconds else None

    def _groups(self, fields: _Fields) -> Iterator[Sequence[Earlier]]:
        """List what is near, and then what is less so."""
        yield self._alike.get(fields, ())
        near = {each.dref: each for each in self._but_one.get(fields, ())}
        for less in _less_one(fields):
            near.update((each.dref, each) for each in self._but_one.get(less, ()))
            near.update((each.dref, each) for each in self._alike.get(less, ()))
        yield sorted(near.values(), key=lambda each: -each.created)[: 2 * _CLOSE]
        yield self._far


def moved(before: Context, now: Context) -> Moved:
    """List the references that came to other realizations."""
    old = dict(before.entries)
    return tuple((ref, old.get(ref, ()), rrefs) for ref, rrefs in now.entries if old.get(ref, ()) != rrefs)


def _least(group: Sequence[Earlier], fields: _Fields, config: Config) -> Earlier:
    """Of what differs in the fewest parameters, choose what differs least in all; few are looked at closely."""
    fewest = min(len(each.fields ^ fields) for each in group)
    close = [each for each in group if len(each.fields ^ fields) == fewest][:_CLOSE]
    if len(close) == 1:
        return close[0]
    return min(close, key=lambda each: (distance(changes(each.config, config)), -each.created, each.dref))


def _seconds(made: Sequence[Realization]) -> tuple[float, ...]:
    return tuple(each.cost.seconds for each in made if each.cost.seconds)


def _note(table: dict[_Fields, list[Earlier]], fields: _Fields, earlier: Earlier) -> None:
    group = table.setdefault(fields, [])
    if len(group) < _CLOSE:
        group.append(earlier)


def _reference(dref: DRef) -> str:
    return f'{{"$dref":"{dref.text}"'


def _codeless(text: str) -> str:
    return _CODE.sub('"code":{"fingerprint":""', text)


def _fields(config: Config) -> _Fields:
    """The parameters, spelled: which derivation a reference names does not count, nor does the fingerprint."""
    tree = json.loads(_DREF.sub('{"$dref":""', config.text))
    return frozenset(_each_field(tree))


def _each_field(tree: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            for key, inner in value.items():
                if (name, key) != ("code", "fingerprint"):
                    yield f"{name}.{key}", json.dumps(inner)
        elif name != "name":
            yield name, json.dumps(value)


def _less_one(fields: _Fields) -> Iterator[_Fields]:
    return (fields - {each} for each in (fields if len(fields) <= _MANY_FIELDS else ()))
