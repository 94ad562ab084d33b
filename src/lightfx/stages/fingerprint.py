"""Fingerprints of code: what a function does, in one digest.

Rules:

- the same code has the same fingerprint, on every machine and every supported Python:
  comments, docstrings, annotations, positions, the name of the function and the module
  it lives in do not count;
- other code has another: the syntax counts, the defaults, what decorators made of the
  function, and, transitively, the functions, classes and constants of the user's own
  code that its names mean;
- installed packages, lightfx among them, count by the names used of them, not by their code;
- what the function itself captured is handed on in `Fingerprint.captured`, and counts as
  part of the config;
- what cannot be known is refused, with the way out.

Theory of operation, module by module: `definitions` finds the syntax that a function was
made of; `syntax` spells it; `scopes` says which names it looks up; `meanings` finds what
they mean, and `walk` all that they lead to; `code`, `members` and `constants` spell that;
`spellings` makes digests of things that refer to one another; `watch` tells for next to
nothing whether it all still stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import CellType
from typing import Final, final

from attrs import field, frozen
from returns.result import Failure, Result, Success

from lightfx.core.names import Digest, short_hash
from lightfx.stages.code import innermost
from lightfx.stages.literals import Refused
from lightfx.stages.meanings import Stopped, label_of
from lightfx.stages.spellings import render, shades
from lightfx.stages.walk import Walk
from lightfx.stages.watch import Watch

# Part of every digest: a change of the rules above is a change of all fingerprints.
RULES: Final = "lightfx-code-1"


@final
@frozen
class Unfingerprintable:
    """Why a function has no fingerprint: ``name``, as ``owner`` uses it, is what ``what`` says.

    >>> Unfingerprintable("train", "mine:load", "handle", "is of type io.TextIOWrapper").sentence
    'mine:load (used by train) uses `handle`, which is of type io.TextIOWrapper; ...'
    """

    function: str
    owner: str
    name: str
    what: str

    @property
    def sentence(self) -> str:
        """Who uses what, why that has no fingerprint, and the way out.

        >>> Unfingerprintable("a:f", "a:f", "", "has no source text").sentence
        'a:f has no source text; give the stage a version="..." that you change with its code'
        """
        by = "" if self.owner == self.function else f" (used by {self.function})"
        way_out = 'give the stage a version="..." that you change with its code'
        if not self.name:
            return f"{self.owner}{by} {self.what}; {way_out}"
        uses = f"{self.owner}{by} uses `{self.name}`, which {self.what}"
        if self.what.startswith("is of type"):
            return f"{uses}; pass it as a parameter, make it inside the function, or {way_out}"
        return f"{uses}; {way_out}"


@final
@frozen
class Fingerprint:
    """What the code of a function is.

    ``digest`` is the identity. ``parts`` tells it apart for reports: everything it covers, by
    ``module:name``, each with a digest of its own text or value alone; sorted.
    """

    digest: str
    parts: tuple[tuple[str, str], ...]
    _cells: Mapping[str, CellType] = field(factory=dict[str, CellType], eq=False, repr=False)
    _watch: Watch = field(factory=Watch, eq=False, repr=False)

    @property
    def captured(self) -> Mapping[str, object]:
        """The data that the function itself captured, as it is at this moment; no part of ``digest``.

        >>> def scaled(factor):
        ...     return lambda number: number * factor
        >>> dict(fingerprint(scaled(3)).unwrap().captured)
        {'factor': 3}
        """
        return {name: cell.cell_contents for name, cell in self._cells.items()}

    def holds(self) -> bool:
        """Tell whether all that the digest covers is as it was; well below a microsecond for a few names.

        False means: fingerprint anew. A name was bound again, a module constant was
        altered, a notebook cell was run again. What the function captured itself is not asked.

        >>> mark = fingerprint(lambda number: number + 1).unwrap()
        >>> mark.holds()
        True
        """
        return self._watch.holds()


def fingerprint(function: Callable[..., object], also: Iterable[object] = ()) -> Result[Fingerprint, Unfingerprintable]:
    """Fingerprint ``function``: a function, or what wraps or binds one.

    ``also`` is what counts as its code without being named in it, in any
    order: classes whose methods its parameters bring along.

    >>> def mean(numbers: list[float]) -> float:
    ...     '''The mean.'''
    ...     return sum(numbers) / len(numbers)
    >>> def average(numbers):
    ...     return sum(numbers) / len(numbers)  # the same in other words
    >>> fingerprint(mean) == fingerprint(average)
    False
    >>> fingerprint(mean).unwrap().digest == fingerprint(average).unwrap().digest
    True
    >>> fingerprint(lambda: undefined).failure().sentence
    '...:<lambda> uses `undefined`, which is not defined (yet); ...'
    """
    walk = Walk(innermost(function))
    inner = walk.top
    label = label_of(inner) if inner is not None else type(function).__name__
    try:
        root = walk.spell(function)
        others = [walk.spell(each) for each in also]
        walk.run()
    except Stopped as stopped:
        return Failure(Unfingerprintable(label, stopped.owner, stopped.name, stopped.what))
    except Refused as refused:
        return Failure(Unfingerprintable(label, label, "", refused.what))
    shade_of = shades(walk.things, walk.spellings)
    beside = sorted({render(other, shade_of) for other in others})
    text = "\n".join((RULES, render(root, shade_of), *beside, *sorted({*shade_of.values()})))
    parts = {(name, short_hash(render(each, {}))) for name, each in zip(walk.labels, walk.spellings, strict=True)}
    return Success(Fingerprint(Digest.of(text.encode()).text, tuple(sorted(parts)), walk.meanings.captured, walk.watch))
