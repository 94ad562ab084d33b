"""Code as a value: functions, classes, modules, and what wraps and binds them.

Rules:

- what is the user's own is linked to, to be read; what is installed is named;
- wrappers count with what they wrap: ``functools.wraps``, ``partial``, bound methods,
  ``staticmethod``, properties, caches;
- an installed wrapper around a function of the user's own (``lru_cache``, ``tenacity``,
  ``jit``) is its name, the function, and the text of the decorators above it, which
  say what the wrapper was told;
- an installed closure counts with what it captured;
- a stage is its function, or its version if it has one; a derivation is its reference.
"""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Final, TypeAlias, TypeVar, final, get_origin

from attrs import frozen

from lightfx.core.derivation import Derivation, Tolerant
from lightfx.stages.literals import Refused, loaded
from lightfx.stages.ownership import installed_name, is_own_class, is_own_function, is_own_module, public_module
from lightfx.stages.spellings import Link, Spelling

Spell: TypeAlias = Callable[[object], Spelling]

_NAMED: Final = (
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
)
_GETTERS: Final = (operator.itemgetter, operator.attrgetter, operator.methodcaller)
# What takes the place of a function, and is no parameter that a config could hold.
_CODE: Final = (
    FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodWrapperType,
    type,
    ModuleType,
    TypeVar,
    functools.partial,
    *_NAMED,
    *_GETTERS,
)


@final
@frozen
class Dressing:
    """The decorators that stand above a function of the user's own."""

    function: object  # a FunctionType would be taken for a method of this class by type checkers


def spell_code(thing: object, link: Callable[[object], Link], spell: Spell) -> Spelling | None:
    """Spell code, and None for what is none: ``link`` for what is to be read, ``spell`` for the parts.

    >>> spell_code(len, Link, repr), spell_code(functools.partial(int, base=2), Link, repr)
    (('installed', 'builtins:len'), ('partial', "<class 'int'>", '()', "{'base': 2}"))
    >>> spell_code(3, Link, repr) is None
    True
    """
    if is_stage(thing):
        return _spell_stage(thing, spell)
    match thing:
        case FunctionType():
            own = is_own_function(thing)
            return link(thing) if own else _spell_installed_function(thing, link, spell)
        case type():
            return link(thing) if is_own_class(thing) else ("installed", installed_name(thing) or "")
        case ModuleType():
            return link(thing) if is_own_module(thing.__name__) else ("module", public_module(thing.__name__))
        case types.BuiltinFunctionType() | types.MethodWrapperType():
            return _spell_builtin(thing, spell)
        case Derivation():
            return ("derivation", str(thing.dref), thing.matcher.spelling, thing.take.name)
        case Tolerant():
            return ("tolerant", spell(thing.derivation))
        case _ if isinstance(thing, _NAMED):
            return ("installed", installed_name(thing) or "")
        case _:
            return _spell_binding(thing, spell) or _spell_wrapper(thing, link, spell)


def _spell_installed_function(thing: FunctionType, link: Callable[[object], Link], spell: Spell) -> Spelling:
    name = installed_name(thing) or ""
    wrapper = _spell_wrapper(thing, link, spell)
    if wrapper is not None:
        # Of functools.singledispatch: the functions that it chooses from.
        registry: object = vars(thing).get("registry")
        return wrapper if registry is None else ("dispatch", wrapper, spell(registry))
    captured = [each.cell_contents for each in thing.__closure__ or ()]
    return ("installed", name, *map(spell, captured)) if captured else ("installed", name)


def _spell_wrapper(thing: object, link: Callable[[object], Link], spell: Spell) -> Spelling | None:
    """Spell an installed object that wraps a function, as decorators make them."""
    if is_own_class(type(thing)) or not callable(thing):
        return None
    inner: object = getattr(thing, "__wrapped__", None)
    if inner is None:
        return None
    dressed = innermost(inner)
    if dressed is None or not is_own_function(dressed):
        return ("wrapper", _wrapper_name(thing), spell(inner))
    return ("wrapper", _wrapper_name(thing), spell(inner), link(Dressing(dressed)))


def _wrapper_name(thing: object) -> str:
    """Name a wrapper itself: by its attributes it pretends to be what it wraps."""
    if isinstance(thing, FunctionType):
        return f"{public_module(str(thing.__globals__.get('__name__')))}:{thing.__code__.co_qualname}"
    return installed_name(type(thing)) or ""


def _spell_builtin(thing: types.BuiltinFunctionType | types.MethodWrapperType, spell: Spell) -> Spelling:
    subject: object = thing.__self__
    if subject is None or isinstance(subject, ModuleType):
        return ("installed", installed_name(thing) or "")
    return ("bound", thing.__qualname__, spell(subject))


def _spell_binding(thing: object, spell: Spell) -> Spelling | None:
    """Spell what binds a function to arguments, to an object, or to the access of an attribute."""
    match thing:
        case types.MethodType():
            return ("method", spell(thing.__func__), spell(thing.__self__))
        case functools.partial() | functools.partialmethod():
            keywords: dict[str, object] = thing.keywords
            function: object = thing.func
            return (type(thing).__name__, spell(function), spell(tuple(thing.args)), spell(dict(keywords)))
        case staticmethod() | classmethod():
            inner: object = getattr(thing, "__func__", None)
            return (type(thing).__name__, spell(inner))
        case property():
            return ("property", spell(thing.fget), spell(thing.fset), spell(thing.fdel))
        case functools.cached_property():
            return ("cached_property", spell(getattr(thing, "func", None)))
        case _ if isinstance(thing, _GETTERS):
            parts: object = thing.__reduce__()
            return ("getter", spell(parts))
        case _:
            return None


def is_stage(thing: object) -> bool:
    """Tell whether ``thing`` is a stage: by its kind, without asking the thing itself.

    >>> is_stage(len)
    False
    """
    held: dict[str, object] = getattr(thing, "__dict__", {})
    return hasattr(type(thing), "__lightfx_stage__") or "__lightfx_stage__" in held


def _spell_stage(thing: object, spell: Spell) -> Spelling:
    version: object = getattr(thing, "__lightfx_version__", None)
    function: object = getattr(thing, "__lightfx_stage__", None)
    if version is None:
        return spell(function)
    inner = innermost(function)
    if inner is None:
        raise Refused("is a stage of no function")
    return ("stage", str(version), f"{inner.__module__}:{inner.__qualname__}")


def innermost(thing: object) -> FunctionType | None:
    """Give the function inside of what wraps and binds it; None where there is none.

    >>> innermost(functools.partial(functools.cache(innermost))) is innermost
    True
    """
    seen: set[int] = set()
    while id(thing) not in seen:
        seen.add(id(thing))
        for name in ("__lightfx_stage__", "__wrapped__", "__func__", "func"):
            inner: object = getattr(thing, name, None)
            if inner is not None and (name != "func" or isinstance(thing, functools.partial)):
                thing = inner
                break
    return thing if isinstance(thing, FunctionType) else None


def is_code(thing: object) -> bool:
    """Tell whether a captured variable is code, to be followed, and not data.

    >>> is_code(len), is_code(3)
    (True, False)
    """
    kinds = (*_CODE, *loaded("logging", "Logger"))
    if isinstance(thing, kinds) or type(thing) is object or is_stage(thing) or get_origin(thing) is not None:
        return True
    return callable(thing) and hasattr(thing, "__wrapped__")
