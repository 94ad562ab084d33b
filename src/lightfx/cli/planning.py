"""From ``module:plan`` to the derivations to realize.

The module is imported as the user's own program would import it, with the
working folder first on the path; ``dir/file.py:plan`` imports the file under
the name that it has in its package, so that worker processes find it as well.
What the user's code raises on the way is shown as that code's own traceback.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from traceback import StackSummary, TracebackException
from typing import Final, TypeVar, final

import attrs
from attrs import frozen

from lightfx.cli.complaints import misuse
from lightfx.core.closure import NotPlannableError, labelled
from lightfx.core.derivation import Derivation, Tolerant

T = TypeVar("T")

_USAGE: Final = "say module:plan or dir/file.py:plan"
_OURS: Final = str(Path(__file__).parent.parent)


@final
@frozen(eq=False)
class Target:
    """One derivation of a plan, labelled by the keys that lead to it."""

    label: str
    derivation: Derivation[object]


def planned(text: str) -> tuple[Target, ...]:
    """Import a module and list the derivations of the plan in it; complains where there are none."""
    return targets_of(named(text), text)


def named(text: str) -> object:
    """Import a module and give what it has under the name; complains where there is nothing."""
    where, colon, attribute = text.rpartition(":")
    if not colon or not where or not attribute:
        raise misuse(f"{text!r} names no plan", _USAGE)
    module = _import_file(Path(where)) if where.endswith(".py") else _import_module(where)
    return _found(module, attribute)


def targets_of(plan: object, text: str) -> tuple[Target, ...]:
    """List the derivations of a plan, called if it must be; complains where there are none."""
    container = _called(plan, text)
    try:
        return tuple(Target(_label(keys, leaf), leaf) for keys, leaf in labelled(container))
    except NotPlannableError as error:
        raise misuse(f"{text} is no container of derivations: {error}") from error


# The module.


def _import_file(path: Path) -> object:
    if not path.is_file():
        raise misuse(f"there is no file {path}", _USAGE)
    file = path.resolve()
    steps, root = [file.stem], file.parent
    while (root / "__init__.py").exists() and root != root.parent:
        steps.insert(0, root.name)
        root = root.parent
    name = ".".join(steps)
    put_first(root)
    module = _import(name)
    found = getattr(module, "__file__", None)
    if not isinstance(found, str) or Path(found).resolve() != file:
        raise misuse(f"{path} cannot be imported: another module has the name {name}", "rename the file")
    return module


def _import_module(name: str) -> object:
    if not all(step.isidentifier() for step in name.split(".")):
        raise misuse(f"{name!r} is no name of a module", _USAGE)
    try:
        put_first(Path.cwd())
    except OSError as error:
        raise misuse(f"the working folder is gone: {error.strerror}") from error
    return _import(name)


def put_first(folder: Path) -> None:
    """Look in ``folder`` before all others when a module is imported."""
    if sys.path[:1] != [str(folder)]:
        sys.path.insert(0, str(folder))


def _import(name: str) -> object:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise misuse(f"there is no module {name}", f"looked on the path, beginning with {sys.path[0]}") from error
        raise _told(error, f"{name} cannot be imported") from error
    except (Exception, SystemExit) as error:
        raise _told(error, f"{name} cannot be imported") from error


# The plan in it.


def _found(module: object, attribute: str) -> object:
    found = module
    for step in attribute.split("."):
        try:
            found = getattr(found, step)
        except AttributeError:
            name = getattr(module, "__name__", str(module))
            raise misuse(f"module {name} has no {attribute}") from None
    return found


def _called(plan: object, text: str) -> object:
    """A container as it is; what a function gives when it is called."""
    if _is_container(plan) or not callable(plan):
        return plan
    needed = _needed(plan)
    if needed:
        raise misuse(
            f"{text} needs arguments ({', '.join(needed)})", "a plan is a value, or a function without arguments"
        )
    return _run_users(plan, f"{text} raised")


def _is_container(plan: object) -> bool:
    return isinstance(plan, Derivation | Tolerant | Mapping | list | tuple | Set) or attrs.has(type(plan))


def _needed(plan: Callable[..., object]) -> list[str]:
    try:
        parameters = inspect.signature(plan).parameters.values()
    except (TypeError, ValueError):
        return []
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each.name for each in parameters if each.default is each.empty and each.kind not in variable]


def _run_users(act: Callable[[], T], what: str) -> T:
    try:
        return act()
    except (Exception, SystemExit) as error:
        raise _told(error, what) from error


def _told(error: BaseException, what: str) -> Exception:
    told = TracebackException.from_exception(error)
    _trim(told, set())
    message = str(error).strip().split("\n", 1)[0]
    sentence = f"{what}: {type(error).__name__}{f': {message}' if message else ''}"
    return misuse(sentence, traceback="".join(told.format()))


def _trim(told: TracebackException, seen: set[int]) -> None:
    """Leave out the frames of lightfx and of the import system: they are not what the user wrote."""
    if id(told) in seen:
        return
    seen.add(id(told))
    told.stack = StackSummary.from_list([each for each in told.stack if not _is_machinery(each.filename)])
    for other in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if other is not None:
            _trim(other, seen)


def _is_machinery(filename: str) -> bool:
    return filename.startswith((_OURS, "<frozen ", importlib.__file__))


# Labels.


def _label(keys: tuple[object, ...], leaf: Derivation[object]) -> str:
    return " / ".join(map(_key, keys)) if keys else leaf.dref.name.text


def _key(key: object) -> str:
    if isinstance(key, tuple):
        return ", ".join(map(_key, key))
    return key if isinstance(key, str) else _described(key)


def _described(key: object) -> str:
    try:
        return repr(key)
    except Exception as error:  # noqa: BLE001 -- __repr__ is the user's own code
        return f"<{type(key).__name__} whose repr raises {type(error).__name__}>"
