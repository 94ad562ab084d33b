"""What another process is asked for `lightfx.testing.elsewhere`: what a matcher answers there.

It is run as a file, and imports nothing but the standard library before it knows where the rest lies. It reads a line
of JSON and a pickle, and answers in a line of JSON.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from lightfx.core.choosing import Candidate, Matcher
    from lightfx.core.outcome import Outcome
    from lightfx.core.refs import RRef

T = TypeVar("T")

Packed: TypeAlias = "list[tuple[RRef, int, float, bool, Outcome[T]]]"


def main() -> None:
    """Read what is asked, and answer."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what user code prints as it is imported is no answer
    asked = json.loads(sys.stdin.buffer.readline())
    sys.path[:] = asked["path"]
    _bring(asked["files"])
    matcher, scenes = pickle.load(sys.stdin.buffer)  # noqa: S301, TID251 -- nothing stored: our own parent process sends it
    json.dump([answered(matcher, scene) for scene in scenes], answers)
    answers.close()


def _bring(files: Mapping[str, str]) -> None:
    """Import modules; those that no path leads to, as pytest may have imported them, from their files."""
    for name, file in files.items():
        try:
            import_module(name)
        except ImportError:
            _import_file(name, file)


def _import_file(name: str, file: str) -> None:
    parent = name
    while "." in parent:
        parent = parent.rpartition(".")[0]
        sys.modules.setdefault(parent, ModuleType(parent))
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{name} cannot be imported from {file}", name=name, path=file)
    sys.modules[name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)


def answered(matcher: Matcher[T], packed: Packed[T]) -> str:
    """Spell what a matcher answers."""
    from lightfx.core.choosing import Chosen, Need  # noqa: PLC0415 -- where it lies is known only now

    try:
        choice = matcher.select([_candidate(*each) for each in packed])
    except Exception as error:  # noqa: BLE001 -- the matcher is the user's own
        return f"raises {type(error).__name__}"
    if isinstance(choice, Chosen):
        return f"chooses {', '.join(each.text for each in choice.rrefs)}"
    return f"asks for {choice.count}" if isinstance(choice, Need) else "refuses"


def _candidate(rref: RRef, index: int, created: float, is_right: bool, outcome: Outcome[T]) -> Candidate[T]:  # noqa: FBT001 -- as it was packed
    from lightfx.core.choosing import Candidate  # noqa: PLC0415 -- as above

    return Candidate(rref, index, created, is_right, lambda: outcome)


if __name__ == "__main__":
    main()
