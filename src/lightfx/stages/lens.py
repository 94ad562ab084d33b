"""`lens`: a way into configs, derivations, realizations, closures and builds, by names.

``lens(rref, world).data.rows.path`` goes from a realization to the realization that it was made from, to a field of
its value, to the file that the field names. Rules:

- a step never raises: where it leads nowhere, so do all that follow, and the first of them is what is told;
- what is read at the end (``.value``, ``.path``, ...) raises `LensError`, which names the path; ``.optional`` gives
  None, and ``.get(...)`` and ``.read()`` give a ``Result``;
- words of the lens itself come first: ``lens(x)["value"]`` reaches a field that is called so.

(Lenses over stages are pylightnix's idea.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final, assert_never, final, overload

from returns.result import Failure, Result, Success

from lightfx.codec.values import codec_of
from lightfx.core.canonical import Tree, render_path
from lightfx.core.closure import Closure
from lightfx.core.config import Config
from lightfx.core.derivation import Derivation, Tolerant
from lightfx.core.failures import EngineFailure
from lightfx.core.outcome import Left, Outcome, Right
from lightfx.core.realization import Realization
from lightfx.core.refs import DRef, RRef
from lightfx.effects.world import World
from lightfx.stages.build import Build
from lightfx.stages.missteps import LensError, Lost, Misstep, or_raise
from lightfx.stages.places import (
    Found,
    Many,
    Place,
    Spot,
    Step,
    Whole,
    at_config,
    at_container,
    at_dref,
    at_order,
    at_plan,
    at_rrefs,
    names_at,
    step_from,
    unwrapped,
)

_BEGINNING: Final = "what the lens was made of"


@final
class Lens:
    """A place in stored or planned things, and the way there; made by `lens`.

    >>> config = Config.of(rate=0.5, layers=[{"size": 3}])
    >>> lens(config).layers[0].size.value
    3
    >>> lens(config).layer[0].size.optional is None
    True
    >>> lens(config).layer[0].size.value
    Traceback (most recent call last):
    ...
    lightfx.stages.missteps.LensError: layer is not there; what is: layers, rate
    >>> lens(config).get("rate").map(lambda found: found.value).unwrap()
    0.5
    """

    __slots__ = ("_found", "_steps")

    def __init__(self, found: Result[Place, Misstep | EngineFailure], steps: tuple[Step, ...] = ()) -> None:
        self._found: Final = found
        self._steps: Final = steps

    # Steps.

    def __getattr__(self, name: str) -> Lens:
        if name.startswith("_"):  # tools ask any object for their own names; such a field is reached by lens["_x"]
            raise AttributeError(name)
        return self[name]

    # No step raises, not even beyond the end of a list: who iterates would never come to an end. See `names`.
    __iter__: ClassVar[None] = None
    __contains__: ClassVar[None] = None

    def __getitem__(self, step: Step) -> Lens:
        steps = (*self._steps, step)
        if isinstance(self._found, Failure):
            return Lens(self._found, steps)
        place = self._found.unwrap()
        return Lens(_told(step_from(place, step), steps, place), steps)

    def get(self, *steps: Step) -> Result[Lens, Misstep | EngineFailure]:
        """Go several steps; the failure says which of them leads nowhere."""
        reached = self
        for step in steps:
            reached = reached[step]
        return reached.found()

    def found(self) -> Result[Lens, Misstep | EngineFailure]:
        """This lens, if it leads somewhere."""
        return self._found.map(lambda _: self)

    @property
    def parameters(self) -> Lens:
        """The parameters alone, where a field of the value has the same name as one of them."""
        return self._half("parameters")

    @property
    def result(self) -> Lens:
        """The value alone, field by field."""
        return self._half("result")

    def _half(self, which: str) -> Lens:
        def take(place: Place) -> Result[Place, Misstep | EngineFailure]:
            half = getattr(place, which) if isinstance(place, Whole) else None
            return Success(half) if isinstance(half, Spot) else Failure(self._misstep(f"has no {which} here"))

        return Lens(self._found.bind(take), self._steps)

    @property
    def names(self) -> tuple[Step, ...]:
        """What can be reached from here by one step: names, and indexes of lists; nothing where this leads nowhere."""
        return self._found.map(names_at).value_or(())

    def __dir__(self) -> list[str]:
        fields = [each for each in self.names if isinstance(each, str) and each.isidentifier()]
        return sorted({*(each for each in dir(type(self)) if not each.startswith("_")), *fields})

    def _ipython_key_completions_(self) -> list[Step]:
        return list(self.names)

    # Reading.

    def read(self) -> Result[object, Lost]:
        """Read what is here as data: what JSON can say, with ``Path`` for files; of a realization, its value."""
        return self._found.bind(self._read)

    def _read(self, place: Place) -> Result[object, Lost]:
        match place:
            case Spot(tree, folder):
                return Success(_plain(tree, folder))
            case Whole(result=Spot(tree, folder)):
                return Success(_plain(tree, folder))
            case Whole(left=left) if left:
                return Failure(self._misstep(f"is LEFT: it {left}"))
            case Whole(parameters=Spot(tree, folder), rref=None):
                return Success(_plain(tree, folder))
            case Whole():
                return Failure(self._misstep("has no value that is known here"))
            case Many(places):
                reads = [Lens(Success(each), (*self._steps, key)).read() for key, each in places.items()]
                lost = next((each for each in reads if isinstance(each, Failure)), None)
                return lost or Success([each.unwrap() for each in reads])
            case never:
                assert_never(never)

    @property
    def value(self) -> object:
        """What is here as data (see `read`). Raises `LensError` where nothing is."""
        return or_raise(self.read())

    @property
    def optional(self) -> object:
        """What is here as data, or None where nothing is."""
        return self.read().value_or(None)

    @property
    def path(self) -> Path:
        """The file or folder that is named here; of a realization that names none, the folder that it wrote."""
        return or_raise(self._found.bind(self._path))

    def _path(self, place: Place) -> Result[Path, Lost]:
        spot = place.result if isinstance(place, Whole) else place
        found = spot.file if isinstance(spot, Spot) else None
        if found is None and isinstance(place, Whole):
            found = place.folder
        return Failure(self._misstep("names no file")) if found is None else Success(found)

    @property
    def text(self) -> str:
        """What the file that is named here holds, as UTF-8. Raises `LensError` where it cannot be read."""
        try:
            return self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
            raise LensError(self._misstep(f"cannot be read: {why}")) from error

    @property
    def dref(self) -> DRef:
        """The derivation that this is, or is a realization of."""
        return or_raise(self._found.bind(self._dref))

    def _dref(self, place: Place) -> Result[DRef, Lost]:
        return Success(place.dref) if isinstance(place, Whole) else Failure(self._misstep("is no derivation"))

    @property
    def rref(self) -> RRef:
        """The realization that this is."""
        return or_raise(self._found.bind(self._rref))

    def _rref(self, place: Place) -> Result[RRef, Lost]:
        rref = place.rref if isinstance(place, Whole) else None
        return Failure(self._misstep("is no realization")) if rref is None else Success(rref)

    def _misstep(self, why: str) -> Misstep:
        return Misstep(render_path(self._steps) or _BEGINNING, why)

    def __repr__(self) -> str:
        where = render_path(self._steps)
        if isinstance(self._found, Failure):
            failure = self._found.failure()
            return f"<lens at {where}: {failure.sentence if isinstance(failure, Misstep) else failure}>"
        return f"<lens at {where or 'its beginning'}: {', '.join(map(str, self.names)) or repr(self.optional)}>"


def _told(found: Found, steps: tuple[Step, ...], place: Place) -> Result[Place, Misstep | EngineFailure]:
    def tell(why: str | EngineFailure) -> Misstep | EngineFailure:
        return (
            Misstep(render_path(steps) or _BEGINNING, why, tuple(map(str, names_at(place))))
            if isinstance(why, str)
            else why
        )

    return found.alt(tell)


def _plain(tree: Tree, folder: Path | None) -> object:
    """Data as Python has it; references, and what only its own annotation can read, as they are spelled."""
    tree = unwrapped(tree)
    if isinstance(tree, Mapping):
        if "$path" in tree or "$out" in tree:
            named = Path(str(tree.get("$path", tree.get("$out"))))
            return named if folder is None else folder / named
        if "$bytes" in tree:
            return codec_of(bytes).bind(lambda codec: codec.decode(tree)).value_or(b"")
        return {key: _plain(each, folder) for key, each in tree.items()}
    if isinstance(tree, Sequence) and not isinstance(tree, str):
        return [_plain(each, folder) for each in tree]
    return tree


@overload
def lens(
    thing: Config | Derivation[object] | Tolerant[object] | Closure[object] | Build, /, world: World | None = None
) -> Lens: ...
@overload
def lens(thing: RRef | DRef | Realization | Outcome[object], /, world: World) -> Lens: ...
def lens(
    thing: Config
    | Derivation[object]
    | Tolerant[object]
    | Closure[object]
    | Build
    | RRef
    | DRef
    | Realization
    | Outcome[object],
    /,
    world: World | None = None,
) -> Lens:
    """Look into a config, a plan, a closure, a build; or, in a ``world``, into what is stored.

    From a plan the names are its parameters, and a parameter that is a
    derivation leads to the parameters of that one. From a realization (its
    `RRef`, its record, or an outcome of it) they are its parameters and the
    fields of its value, and a derivation leads to the realization that was
    used. From a `Build` they are its parameters, and its inputs' values.

    Raises TypeError for anything else, and for what is stored without a world.
    """
    return Lens(_told(_enter(thing, world), (), Many({})))


def _enter(thing: object, world: World | None) -> Found:
    if isinstance(thing, Config):
        return Success(at_config(thing, world))
    if isinstance(thing, Derivation | Tolerant):
        return Success(at_plan(thing))
    if isinstance(thing, Closure):
        return Success(at_container(thing.result))
    if isinstance(thing, Build):
        return Success(at_order(thing.order, thing.folder))
    if not isinstance(thing, RRef | DRef | Realization | Right | Left):
        kinds = "a config, a derivation, a closure, a build, a reference, a realization or an outcome"
        raise TypeError(f"a lens looks into {kinds}, not into {type(thing).__name__}")
    if world is None:
        raise TypeError(f"a lens into what is stored takes the world too: lens({type(thing).__name__.lower()}, world)")
    if isinstance(thing, DRef):
        return at_dref(thing, world)
    if isinstance(thing, RRef | Realization):
        return at_rrefs((thing if isinstance(thing, RRef) else thing.rref,), world)
    return at_rrefs(thing.rrefs, world) if thing.rrefs else Failure("is of a run that was stopped: nothing is stored")
