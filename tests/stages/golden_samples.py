"""Sample functions for golden fingerprints. A change of this file changes the vectors; append only."""

import contextlib
import dataclasses
import enum
import functools
import math
from collections import namedtuple
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

import attrs

LIMIT = 10
TABLE = {"b": [1, 2.0, None], "a": ("x", b"y", {3, 1, 2}), "c": -0.0}
T = TypeVar("T")
Pair = namedtuple("Pair", "left right", defaults=(2,))  # noqa: PYI024 -- the kind that no class statement makes


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"

    def next(self) -> "Color":
        return Color.BLUE


class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2


@attrs.frozen
class Settings:
    rate: float = 0.1
    layers: tuple[int, ...] = (4, 2)
    color: Color = Color.RED

    @property
    def depth(self) -> int:
        return len(self.layers)


@dataclasses.dataclass(frozen=True)
class Data:
    path: Path
    names: list[str] = dataclasses.field(default_factory=list)


class Row(NamedTuple):
    x: int
    y: int = 0


class Shape(Protocol):
    def area(self) -> float: ...


class Box(Generic[T]):
    scale = 2

    def __init__(self, value: T) -> None:
        self.value = value

    def area(self) -> float:
        return super().__sizeof__() * self.scale

    @staticmethod
    def unit() -> int:
        return 1


def plain(x: int, y: int = 3, *rest: int, z: float = 1.5, **more: object) -> int:
    """Doc."""
    total: int = x + y * z  # a comment
    return total if total > LIMIT else -total


def strings(x: float, w: int) -> str:
    return f"a{x:>{w}.2f}bc{x!r}{w=}{{}}" + 'q"' + "\u00e9\n"


def matching(value: object) -> object:
    match value:
        case None | True:
            return 1
        case [first, *others] if others:
            return first
        case {"k": key, **rest}:
            return key, rest
        case Settings(rate=0.1) | Color.RED:
            return "settings"
        case str() as text:
            return text
        case -1 | 1.5 | "x" | b"y":
            return None
        case _:
            return ...


def flow(x: list[int]) -> object:
    try:
        with contextlib.suppress(ValueError), contextlib.nullcontext(x) as y:
            while (n := len(y)) > 3:
                del y[0]
                if n == 5:
                    continue
                break
            else:
                raise KeyError(x) from None
    except* KeyError as group:
        print(group)
    finally:
        x[1:2], x[-1] = [1_000], 0xFF
    return {a: b for a, *b in zip(x, x, strict=True) if a} | {**TABLE, "z": 1}


async def waiting(x: object) -> object:
    async with x as y:
        return [await z async for z in y]


def generating(x: object) -> object:
    got = yield x
    yield from (each for each in got)
    return lambda a, /, b=1, *, c: (a, b, c, x)


def even(n: int) -> bool:
    return n == 0 or odd(n - 1)


def odd(n: int) -> bool:
    return n != 0 and even(n - 1)


def constants() -> object:
    return LIMIT, TABLE, Color.RED, Level.LOW | Level.HIGH, Pair(1), Row(1), SETTINGS, BOX


SETTINGS = Settings(rate=0.5)
BOX = Box(Path("a"))


def classes() -> object:
    return Settings, Data, Box, Row, Color, Level, Pair, Shape


def importing(x: float) -> object:
    import json as j
    from os.path import join

    return j.dumps(math.sqrt(x)), join("a", "b"), Path("c")


def twice(function):  # noqa: ANN001, ANN201
    @functools.wraps(function)
    def wrapper(*args: object) -> object:
        return [function(*args) for _ in range(2)]

    return wrapper


@twice
def wrapped(x: object) -> object:
    return x


@functools.lru_cache(maxsize=7)
def cached(x: int) -> int:
    return x + 1


def calls_cached() -> int:
    return cached(1)


first, second = lambda x: x + 1, lambda x: x + 2
bound = Box(3).area
part = functools.partial(plain, 1, z=2.0)
SAMPLES = (
    plain, strings, matching, flow, waiting, generating, even, odd, constants, classes, importing, wrapped, cached,
    calls_cached, first, second, bound, part, Settings, Box,
)  # fmt: skip
