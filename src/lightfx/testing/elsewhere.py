"""A matcher asked once more in another process, whose strings have other hashes.

``hash`` is salted anew for each process: who sorts by it, or by the order of a set of strings, chooses otherwise in
the next run. One process is asked about all scenes. The matcher gets there by pickle, or by cloudpickle where that is
installed; what cannot be brought there is said, as an `UncheckedLawWarning`.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar

from lightfx.core.choosing import Candidate, Matcher
from lightfx.testing import there
from lightfx.testing.broken import UncheckedLawWarning, same
from lightfx.testing.there import Packed, answered

T = TypeVar("T")

_THERE: Final = Path(there.__file__)
_PATIENCE: Final = 120.0  # seconds


def it_chooses_the_same_in_another_process(matcher: Matcher[T], scenes: Sequence[Sequence[Candidate[T]]]) -> None:
    """Where ``hash`` has another salt: what hangs on it changes from run to run.

    Warns with `UncheckedLawWarning` where the matcher cannot be brought there.
    """
    if Path(getattr(sys.modules["__main__"], "__file__", None) or "/").resolve() == _THERE.resolve():
        return  # that other process imports a module that asks for laws as it is imported
    packed = [[(e.rref, e.index, e.created, e.is_right, e.outcome) for e in shown] for shown in scenes]
    found = _asked_there(matcher, packed)
    if isinstance(found, str):
        what = "whether it chooses the same in another process could not be checked"
        warnings.warn(f"{matcher}: {what}: {found}", UncheckedLawWarning, stacklevel=3)
        return
    for shown, other in zip(packed, found, strict=True):
        same(other, answered(matcher, shown), f"in another process it chooses otherwise among {len(shown)} candidates")


def _asked_there(matcher: Matcher[T], packed: list[Packed[T]]) -> list[str] | str:
    """Get the answers of the other process, or why there are none."""
    try:
        pickled, modules = _pickled((matcher, packed))
    except Exception as error:  # noqa: BLE001 -- whatever pickling user code may raise
        return f"it cannot be pickled: {error}"
    files = {
        each: file for each in modules if isinstance(file := getattr(sys.modules.get(each), "__file__", None), str)
    }
    asked = json.dumps({"path": [str(each) for each in sys.path], "files": files}).encode()
    salt = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    program = [sys.executable, "-P", str(_THERE)]
    environment = {**os.environ, "PYTHONHASHSEED": salt}
    try:
        done = subprocess.run(  # noqa: S603 -- our own file, by our own interpreter
            program, input=asked + b"\n" + pickled, capture_output=True, env=environment, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode:
        return (done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    found: list[str] = json.loads(done.stdout)
    return found


def _pickled(thing: object) -> tuple[bytes, list[str]]:
    """Pickle a thing; list the modules of one's own that its functions and classes are looked up in.

    Code of a module that nobody imported, a script or a notebook, goes along:
    to import it there would be to run it again.
    """
    try:
        import cloudpickle  # noqa: PLC0415 -- an extra
    except ImportError:
        pickled = pickle.dumps(thing)
        modules = _modules(pickled)
        if scripts := _scripts(modules):
            raise TypeError(f"{scripts[0]} is no module to import, and cloudpickle is not installed") from None
        return pickled, modules
    scripts = _scripts(_modules(cloudpickle.dumps(thing)))
    known = cloudpickle.list_registry_pickle_by_value()
    ours = [sys.modules[each] for each in scripts if each not in known]
    for each in ours:
        cloudpickle.register_pickle_by_value(each)
    try:
        pickled = cloudpickle.dumps(thing)
    finally:
        for each in ours:
            cloudpickle.unregister_pickle_by_value(each)
    return pickled, _modules(pickled)


def _scripts(modules: Sequence[str]) -> list[str]:
    return [each for each in modules if getattr(sys.modules.get(each), "__spec__", None) is None]


def _modules(pickled: bytes) -> list[str]:
    """List the modules that a pickle is to be read with, as far as they are neither lightfx's nor Python's own."""
    found: list[str] = []

    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> object:
            if module.partition(".")[0] not in {*sys.stdlib_module_names, "lightfx"} or module == "__main__":
                found.append(module)
            return super().find_class(module, name)

    Reader(io.BytesIO(pickled)).load()
    return list(dict.fromkeys(found))
