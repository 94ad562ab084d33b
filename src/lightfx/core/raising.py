"""From an exception to the record of it.

The record is part of the content of a LEFT, so it holds nothing of this
machine: paths are relative to where their module was imported from, frames of
lightfx itself are left out, and addresses in default representations are
blanked.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import PurePath
from traceback import FrameSummary, StackSummary, TracebackException
from typing import Final

from lightfx.core.outcome import Raised

MAX_TEXT: Final = 20_000
_OURS: Final = f"{PurePath(__file__).parent.parent}/"  # with its end: a package called lightfx_more is not ours
_ERRANDS: Final = f"{_OURS}testing/errands"  # what the law kit runs stands for users' own code
_ADDRESS: Final = re.compile(r"\bat 0x[0-9a-f]+")


def raised(error: BaseException, places: Mapping[str, str] | None = None, cover: Callable[[str], str] = str) -> Raised:
    """Record ``error``, with its traceback and source lines.

    ``places`` are paths that another attempt would not have, with what stands
    for them in the record; ``cover`` takes out what is no one's business,
    before anything is cut.

    >>> raised(KeyError("x")).bases
    ('KeyError', 'LookupError', 'Exception')
    >>> raised(OSError("no /tmp/8f3c/out"), {"/tmp/8f3c/out": "build.out"}).message
    'no build.out'
    """
    kind = type(error)
    bases = _bases(error)
    message, traceback = _message(error), _traceback(error)
    if isinstance(error, ImportError) and error.path:
        message, traceback = (text.replace(error.path, relative(error.path)) for text in (message, traceback))
    message, traceback = cover(message), cover(traceback)
    for place, name in (places or {}).items():
        message, traceback = (text.replace(place, name) for text in (message, traceback))
    return Raised(_name(kind), bases, clean(message), clean(traceback))


def _bases(error: BaseException) -> tuple[str, ...]:
    """The classes of an error; of a group also those that all errors in it share: it is what they are."""
    own = tuple(each.__name__ for each in type(error).__mro__ if each not in (object, BaseException))
    if not isinstance(error, BaseExceptionGroup):
        return own
    first, *others = (_bases(each) for each in error.exceptions)
    return (*own, *(base for base in first if base not in own and all(base in other for other in others)))


def _name(kind: type) -> str:
    return (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001 -- __str__ is the user's own code
        return f"<its message cannot be made: {type(second).__name__}>"


def _traceback(error: BaseException) -> str:
    try:
        told = TracebackException.from_exception(error)
        _relative(told, set())
        return "".join(told.format())
    except Exception as second:  # noqa: BLE001 -- formatting calls the user's own __str__ and __repr__
        return f"<the traceback cannot be made: {type(second).__name__}>"


def _relative(told: TracebackException, seen: set[int]) -> None:
    if id(told) in seen:
        return
    seen.add(id(told))
    told.stack = StackSummary.from_list([_frame(frame) for frame in told.stack if not _is_ours(frame.filename)])
    source: str | None = getattr(told, "filename", None)  # of a SyntaxError: what could not be parsed
    if source is not None:
        told.filename = relative(source)
    for other in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if other is not None:
            _relative(other, seen)


def _is_ours(filename: str) -> bool:
    return filename.startswith(_OURS) and not filename.startswith(_ERRANDS)


def _frame(frame: FrameSummary) -> FrameSummary:
    return FrameSummary(
        relative(frame.filename),
        frame.lineno,
        frame.name,
        lookup_line=False,
        line=frame.line,
    )


def relative(filename: str) -> str:
    """Spell a source file as its module was found, not where it lies.

    >>> relative("/nowhere/at/all/model.py")
    'model.py'
    """
    path = PurePath(filename)
    if not path.is_absolute():
        return filename
    roots = sorted((root for root in sys.path if root and path.is_relative_to(root)), key=len, reverse=True)
    return str(path.relative_to(roots[0])) if roots else path.name


def clean(text: str) -> str:
    """Make any text storable: no lone surrogates, no addresses, not too long.

    >>> clean("<Model object at 0x7f00aa>")
    '<Model object at 0x…>'
    """
    sound = _ADDRESS.sub("at 0x…", text.encode("utf-8", "backslashreplace").decode())
    if len(sound) <= MAX_TEXT:
        return sound
    return f"{sound[: MAX_TEXT // 2]}\n… {len(sound) - MAX_TEXT} characters …\n{sound[-MAX_TEXT // 2 :]}"
