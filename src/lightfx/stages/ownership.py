"""Whose code it is: the user's own, which is read, or installed, which is named.

Installed is what lies in the standard library or in ``site-packages``, what has no
file at all, and lightfx itself, from wherever it runs. All else is the user's own:
scripts, modules of a checkout (editable ones too), notebook cells, doctests.

Installed things are known by module and qualified name. Private parts of a module's
path are left out, since things move between them from Python to Python
(``pathlib.Path`` is of ``pathlib._local`` in 3.13 alone).
"""

from __future__ import annotations

import site
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Final

_PACKAGES: Final = frozenset(("site-packages", "dist-packages"))
_CELLS: Final = ("<doctest ", "<ipython-input", "<stdin>", "<python-input")


@lru_cache(maxsize=1)
def _roots() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    folders = {paths[each] for each in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.update(site.getsitepackages())
    return (*(Path(each).resolve() for each in sorted(folders)), Path(__file__).resolve().parents[1])


@cache
def is_installed_file(path: str) -> bool:
    """Tell whether a source file is not the user's own.

    >>> is_installed_file(sysconfig.__file__), is_installed_file("/home/me/project/train.py")
    (True, False)
    """
    place = Path(path).absolute()
    if not _PACKAGES.isdisjoint(place.parts):
        return True
    resolved = place.resolve()
    return any(resolved.is_relative_to(root) for root in _roots())


def is_own_module(name: str | None) -> bool:
    """Tell whether the module of this name, imported or not, is the user's own; asks without importing it.

    >>> is_own_module("__main__"), is_own_module("json"), is_own_module("lightfx.core")
    (True, False, False)
    """
    if name is None or name.partition(".")[0] in ("lightfx", "builtins", *sys.builtin_module_names):
        return False
    if name == "__main__":
        return True
    module = sys.modules.get(name)
    place = _place_of(module) if module is not None else None
    if place is None:
        place = _place_of_spec(name.partition(".")[0])
    return place is not None and not is_installed_file(place)


def _place_of(module: ModuleType) -> str | None:
    file: object = getattr(module, "__file__", None)
    if isinstance(file, str):
        return file
    folders: Iterable[str] = getattr(module, "__path__", ())
    return next(iter(folders), None)


def _place_of_spec(top: str) -> str | None:
    """Where the top-level package lies: found, not imported."""
    try:
        spec: ModuleSpec | None = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or (spec.origin is None and not spec.submodule_search_locations):
        return None
    if spec.has_location and spec.origin is not None:
        return spec.origin
    return next(iter(spec.submodule_search_locations or ()), None)


def is_own_function(function: FunctionType) -> bool:
    """Tell whether a function is the user's own: by its file, or by its module where it has none.

    >>> is_own_function(is_own_function)
    False
    """
    file, name = function.__code__.co_filename, function.__module__
    if file.startswith(_CELLS):
        return True
    if not file.startswith("<"):
        return not is_installed_file(file)
    # Code that was made by exec says that it is of `builtins`, or whatever it was told.
    module = sys.modules.get(name)
    space: dict[str, object] = vars(module) if module is not None else {}
    exposed = space is function.__globals__ or space.get(function.__name__) is function
    return not file.startswith("<frozen ") and (not exposed or is_own_module(name))


def is_own_class(kind: type) -> bool:
    """Tell whether a class is the user's own.

    >>> is_own_class(int), is_own_class(ModuleSpec)
    (False, False)
    """
    if is_own_module(kind.__module__):
        return True
    if kind.__module__.partition(".")[0] != "lightfx":
        return False
    # A class of a doctest says that it is of the module whose docstring it stands in.
    codes = (getattr(each, "__code__", None) for each in vars(kind).values())
    if any(isinstance(code, CodeType) and code.co_filename.startswith(_CELLS) for code in codes):
        return True
    module = sys.modules.get(kind.__module__)
    return module is not None and "." not in kind.__qualname__ and kind.__name__ not in vars(module)


def public_module(name: str) -> str:
    """Leave out the private parts of a module's path.

    >>> public_module("pathlib._local"), public_module("_bisect")
    ('pathlib', 'bisect')
    """
    first, *rest = name.split(".")
    return ".".join((first.lstrip("_") or first, *(each for each in rest if not each.startswith("_"))))


def installed_name(thing: object) -> str | None:
    """Name an installed thing that has a name of its own; None for others.

    >>> installed_name(Path), installed_name(len), installed_name(3)
    ('pathlib:Path', 'builtins:len', None)
    """
    module: object = getattr(thing, "__module__", None) or getattr(
        getattr(thing, "__objclass__", None), "__module__", None
    )
    name: object = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", None)
    if not isinstance(name, str):
        return None
    return f"{public_module(module) if isinstance(module, str) else ''}:{name}"


def exposed_name(thing: object) -> str | None:
    """Name the place where the package that made ``thing`` exposes it; None where it does not.

    >>> import dataclasses
    >>> exposed_name(dataclasses.MISSING)
    'dataclasses:MISSING'
    """
    home: object = getattr(thing, "__module__", None)
    name: object = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", None)
    named = isinstance(home, str) and isinstance(name, str) and not is_own_module(home)
    if named and getattr(sys.modules.get(str(home)), str(name), None) is thing:
        return f"{public_module(str(home))}:{name}"
    parts = type(thing).__module__.split(".")
    for count in range(len(parts), 0, -1):
        module = sys.modules.get(".".join(parts[:count]))
        names = [name for name, value in vars(module).items() if value is thing] if module is not None else []
        if names:
            return f"{public_module('.'.join(parts[:count]))}:{min(names)}"
    return None
