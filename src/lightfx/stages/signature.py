"""The signature of a stage function: what it takes, what it gives, and how both are stored.

Made once for each stage, on its first call, when every name in its annotations
can be resolved. `bind` is the hot path: it does what ``inspect.Signature.bind``
does for the calls that are right, and leaves the wrong ones to it, for its
messages.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from inspect import Parameter
from pathlib import PurePath
from typing import Final, NoReturn, TypeAlias, TypeVar, final, get_args, get_origin, get_type_hints

import attrs
from attrs import frozen
from returns.result import Failure, Result

from lightfx.codec.coding import tag_of, wrong_type
from lightfx.codec.scalars import code_text
from lightfx.codec.values import Codec, Fields, Leaf, Misfit, codec_of, fields_of
from lightfx.core.canonical import Tree, Unstorable, render_path
from lightfx.core.config import Reference, Take, UnstorableError
from lightfx.core.derivation import Absent, Dependency, Derivation, Tolerant
from lightfx.core.raising import relative
from lightfx.core.realization import BuildOrder
from lightfx.core.secrets import Secret
from lightfx.stages.assignable import may_be
from lightfx.stages.build import Build
from lightfx.stages.promises import PROMISE

Function: TypeAlias = Callable[..., object]
R = TypeVar("R")


class StageError(TypeError):
    """A function cannot be a stage: its signature or its code says why."""


@final
@frozen(eq=False)
class Signature:
    """What a stage function takes and gives.

    ``type`` and ``error`` are the annotations of the value and of an expected
    failure (None where the function returns no ``Result``). ``build`` makes its
    first argument.
    """

    name: str
    inspected: inspect.Signature
    positional: tuple[str, ...]
    nameless: frozenset[str]
    names: frozenset[str]
    defaults: Mapping[str, object]
    fields: Fields
    type: object
    codec: Codec[object]
    error: Codec[object] | None
    build: Callable[[BuildOrder, int], Build] = Build

    def bind(self, arguments: tuple[object, ...], keywords: Mapping[str, object]) -> dict[str, object]:
        """Give each parameter its argument or default; raises ``TypeError`` as a call would."""
        if not keywords and len(arguments) == len(self.positional) == len(self.names):  # the usual call
            return dict(zip(self.positional, arguments, strict=True))
        values = dict(zip(self.positional, arguments, strict=False))
        twice = keywords and not (values.keys().isdisjoint(keywords) and self.nameless.isdisjoint(keywords))
        if twice or len(arguments) > len(self.positional):
            return self._bind_slowly(arguments, keywords)
        values.update(keywords)
        if len(values) != len(self.names):
            values = {**self.defaults, **values}
        return values if values.keys() == self.names else self._bind_slowly(arguments, keywords)

    def _bind_slowly(self, arguments: tuple[object, ...], keywords: Mapping[str, object]) -> dict[str, object]:
        """Say what is wrong with a call, as a call of the function would."""
        unknown = [name for name in keywords if name not in self.names]
        if unknown:
            has = f"its parameters are {', '.join(self.inspected.parameters)}" if self.names else "it has none"
            raise TypeError(f"{self.name}() has no parameter {unknown[0]!r}: {has}")
        try:
            bound = self.inspected.bind(*arguments, **keywords)
        except TypeError as error:
            raise TypeError(f"{self.name}(): {error}") from None
        bound.apply_defaults()
        return dict(bound.arguments)

    def nameless_of(self, values: dict[str, object]) -> list[object]:
        """Take the parameters out of ``values`` that have no name in a call, in their order."""
        return [values.pop(name) for name in self.positional if name in self.nameless] if self.nameless else []

    def refuse(self, values: Mapping[str, object], culprit: Unstorable) -> NoReturn:
        """Say why the arguments of a call cannot be stored."""
        if any(isinstance(value, Build) for value in values.values()):
            raise TypeError(f"{self.name}() is called without the Build: the stage gets its own when it runs")
        raise UnstorableError(culprit, f"{self.name}: ")

    def needs(self, values: Mapping[str, object]) -> tuple[Dependency, ...]:
        """List the derivations among the arguments."""
        return tuple(_dependencies(values))


def signature_of(function: Function, hints: Mapping[str, object]) -> Signature:
    """Read the signature of a stage function; raises `StageError` where it cannot be one."""
    name = _name(function)
    inspected = _inspected(function, name)
    parameters = list(inspected.parameters.values())
    _check_kind(function, parameters, hints, name)
    taken = parameters[1:]
    for each in taken:
        if each.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
            raise StageError(
                f"{name} is no stage: the name and type of each parameter are part of its config, "
                f"so *{each.name} cannot be one"
            )
        if each.name not in hints:
            raise StageError(
                f"{name} is no stage: parameter {each.name} has no annotation, which says how it is stored"
            )
    if "return" not in hints:
        raise StageError(f"{name} is no stage: it has no return annotation, which says how its value is stored")
    annotations = {each.name: hints[each.name] for each in taken}
    value, error = _value_and_error(hints["return"])
    if _holds_plan(value):
        raise StageError(f"{name} is no stage: it returns a derivation, and a stage returns values: build.need(...)")
    return Signature(
        name=getattr(function, "__qualname__", name),
        inspected=inspected.replace(parameters=taken, return_annotation=Parameter.empty),
        positional=tuple(each.name for each in taken if each.kind is not Parameter.KEYWORD_ONLY),
        nameless=frozenset(each.name for each in taken if each.kind is Parameter.POSITIONAL_ONLY),
        names=frozenset(annotations),
        defaults={each.name: each.default for each in taken if each.default is not Parameter.empty},
        fields=_or_refuse(fields_of(annotations, (DERIVATION, TOLERANT, PROMISE, SECRET)), name, "parameter"),
        type=value,
        codec=_or_refuse(codec_of(value), name, "the value"),
        error=None if error is None else _or_refuse(codec_of(error), name, "the failure"),
        build=_build_class(hints.get(parameters[0].name)),
    )


def _inspected(function: Function, name: str) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (ValueError, TypeError) as error:
        raise StageError(f"{name} is no stage: its parameters cannot be read; write a function around it") from error


def _holds_plan(annotation: object) -> bool:
    plain = get_origin(annotation) or annotation
    return plain is Derivation or plain is Tolerant or any(map(_holds_plan, get_args(annotation)))


def _build_class(hint: object) -> type[Build]:
    """The class of the first parameter: `Build`, or one of the user's own that holds more."""
    return hint if isinstance(hint, type) and issubclass(hint, Build) else Build


def _check_kind(function: Function, parameters: Sequence[Parameter], hints: Mapping[str, object], name: str) -> None:
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise StageError(f"{name} is no stage: it must return its value, and not be async or a generator")
    if not parameters or parameters[0].kind not in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD):
        raise StageError(f"{name} is no stage: its first parameter must take the Build")
    if any(_is_build(hints.get(each.name)) for each in parameters[1:]):
        raise StageError(f"{name} is no stage: the Build must come first; of a method, make a function")
    first = parameters[0].name
    if first in hints and not _is_build(hints[first]):
        raise StageError(f"{name} is no stage: its first parameter, {first}, must be annotated Build")


def _is_build(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, Build)


def hints_of(function: Function, namespace: Mapping[str, object]) -> dict[str, object]:
    """Resolve the annotations of a function; ``namespace`` holds the names around it."""
    try:
        return get_type_hints(function, localns=dict(namespace), include_extras=True)
    except (NameError, AttributeError, TypeError, ValueError) as error:
        raise StageError(f"{_name(function)} is no stage: its annotations cannot be read: {error}") from error


def _name(function: Function) -> str:
    """Name a function with the place where it is defined."""
    name = getattr(function, "__qualname__", repr(function))
    code = getattr(inspect.unwrap(function), "__code__", None)
    return name if code is None else f"{name} ({relative(code.co_filename)}:{code.co_firstlineno})"


def _or_refuse(made: Result[R, Unstorable], name: str, what: str) -> R:
    if isinstance(made, Failure):
        culprit = made.failure()
        where = " ".join(filter(None, (what, render_path(culprit.path))))
        raise StageError(f"{name} is no stage: {where} {culprit.reason}")
    return made.unwrap()


def _value_and_error(annotation: object) -> tuple[object, object | None]:
    if get_origin(annotation) is Result:
        value, error = get_args(annotation)
        return value, error
    return annotation, None


# References as leaves of the codec.


def _spelling_of_uses(annotation: object, kind: type) -> Callable[[object], Tree]:
    wanted: object = next(iter(get_args(annotation)), object)
    return lambda value: _use_of(value, kind, wanted).tree


def _use_of(value: object, kind: type, wanted: object) -> Reference:
    if not isinstance(value, Derivation | Tolerant):
        hint = "a file enters by source_file(...)" if isinstance(value, str | PurePath) else "call a stage to get one"
        raise Misfit(f"is of type {type(value).__name__}, not {kind.__name__}: {hint}")
    if not isinstance(value, kind):
        hint = "use .tolerate()" if kind is Tolerant else "annotate the parameter Tolerant[...]"
        raise Misfit(f"is of type {type(value).__name__}, not {kind.__name__}: {hint}")
    given = _type_of(value.derivation if isinstance(value, Tolerant) else value)
    if given is not wanted and not may_be(given, wanted):
        raise Misfit(f"is a {kind.__name__}[{_spelled(given)}], not {kind.__name__}[{_spelled(wanted)}]")
    return value.reference


def _type_of(derivation: Derivation[object]) -> object:
    """The type of the value of a derivation, as far as it is known."""
    if derivation.take is Take.MANY:
        return tuple
    return object if isinstance(derivation.origin, Absent) else derivation.origin.realizer.type


def _spelled(annotation: object) -> str:
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation)


def _reference(tree: Tree, *, tolerate: bool) -> Reference:
    if not isinstance(tree, Mapping) or "$dref" not in tree or ("tolerate" in tree) is not tolerate:
        raise Misfit("is no reference to a derivation")
    return attrs.evolve(Reference.of_tree(tree), tolerate=False)


DERIVATION: Final = Leaf(
    accepts=lambda annotation: Derivation in (annotation, get_origin(annotation)),
    encode=lambda annotation: _spelling_of_uses(annotation, Derivation),
    decode=lambda _, tree: Derivation[object](Absent(_reference(tree, tolerate=False))),
)
TOLERANT: Final = Leaf(
    accepts=lambda annotation: Tolerant in (annotation, get_origin(annotation)),
    encode=lambda annotation: _spelling_of_uses(annotation, Tolerant),
    decode=lambda _, tree: Tolerant[object](Derivation(Absent(_reference(tree, tolerate=True)))),
)


def spell_secret(value: object) -> Tree:
    """Spell the name of a secret."""
    if not isinstance(value, Secret):
        raise wrong_type(value, "Secret: give its name, Secret.env(...) or Secret.file(...)")
    return {"$secret": value.text}


def _read_secret(_: object, tree: Tree) -> Secret:
    found = Secret.parse(code_text(tag_of(tree, "$secret", "Secret")))
    if isinstance(found, Failure):
        raise Misfit(str(found.failure()))
    return found.unwrap()


SECRET: Final = Leaf(
    accepts=lambda annotation: annotation is Secret,
    encode=lambda _: spell_secret,
    decode=_read_secret,
)


def _dependencies(value: object) -> Iterator[Dependency]:
    if isinstance(value, Derivation | Tolerant):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _dependencies(key)
            yield from _dependencies(each)
    elif isinstance(value, list | tuple | Set) or (isinstance(value, Sequence) and not isinstance(value, str | bytes)):
        for each in value:
            yield from _dependencies(each)
    elif (fields := _field_names(type(value))) is not None:
        for name in fields:
            yield from _dependencies(getattr(value, name))


def _field_names(kind: type) -> tuple[str, ...] | None:
    if attrs.has(kind):
        return tuple(each.name for each in attrs.fields(kind))
    fields = getattr(kind, "__dataclass_fields__", None)
    return tuple(fields) if isinstance(fields, dict) else None
