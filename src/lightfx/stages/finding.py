"""Finding a stage again by the name that a realization has of its maker: ``module:name``."""

from __future__ import annotations

from contextlib import suppress

from returns.result import Failure, Result, Success

from lightfx.core.derivation import Realizer
from lightfx.stages.stage import load_core


def realizer_at(path: str) -> Result[Realizer, str]:
    """Import the stage at ``path``, and give what realizes its derivations; or say why that cannot be done.

    >>> realizer_at("nowhere:train").failure()
    "the stage nowhere:train cannot be imported: No module named 'nowhere'"
    """
    module, _, name = path.partition(":")
    if not path:
        return Failure("it is not recorded which stage made it")
    with suppress(ImportError):
        running = load_core("__main__", name)
        if running.path == path:
            return Success(running.realizer)
    if "<" in name or module == "__main__":
        return Failure(f"the stage {path} cannot be imported: it was made inside a function, or in a notebook")
    try:
        return Success(load_core(module, name).realizer)
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- to import a module is to run the user's own code
        return Failure(f"the stage {path} cannot be imported: {str(error) or type(error).__name__}")
