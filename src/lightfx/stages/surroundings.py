"""Who makes a realization: host, user, Python, packages, commit. Read once a process and module.

What this takes is imported when the first stage runs: a run that finds
everything stored asks nobody, and starts the faster.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from lightfx.core.realization import MadeBy


def made_by(module: str, stage: str = "") -> MadeBy:
    """Say who would run a stage of this module, now and here; ``stage`` is where it is found."""
    return _made_by(module, stage)


@lru_cache(maxsize=1024)
def _made_by(module: str, stage: str) -> MadeBy:
    import platform  # noqa: PLC0415 -- see the head of the file
    import socket  # noqa: PLC0415

    found = sys.modules.get(module)
    return MadeBy(
        host=socket.gethostname(),
        user=_user(),
        python=platform.python_version(),
        packages=packages_of(found) if found else (),
        commit=_commit(_folder(found)) if found else "",
        stage=stage,
    )


def _user() -> str:
    import getpass  # noqa: PLC0415 -- see the head of the file

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def packages_of(module: ModuleType) -> tuple[tuple[str, str], ...]:
    """Name the installed packages that a module imports, with their versions, sorted."""
    names = (name for value in list(vars(module).values()) if isinstance(name := _module_of(value), str))
    tops = {top for name in (*names, *_imported(module)) if (top := _top(name)) is not None}
    versions = ((top, version_of(top)) for top in sorted(tops - {module.__name__.partition(".")[0]}))
    return tuple((top, version) for top, version in versions if version)


def _module_of(value: object) -> object:
    return value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)


def _imported(module: ModuleType) -> Iterator[str]:
    """Name what a module imports anywhere in its source, in function bodies too."""
    import ast  # noqa: PLC0415 -- see the head of the file
    import inspect  # noqa: PLC0415

    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _top(name: str) -> str | None:
    top = name.partition(".")[0]
    return None if not top or top in sys.stdlib_module_names or top == "__main__" else top


def version_of(package: str) -> str:
    """The version of an installed top-level package; "" where it has none."""
    from importlib import metadata  # noqa: PLC0415 -- see the head of the file

    try:
        return metadata.version(package)
    except (metadata.PackageNotFoundError, ValueError):
        version = getattr(sys.modules.get(package), "__version__", "")
        return version if isinstance(version, str) else ""


def _folder(module: ModuleType) -> str:
    file = getattr(module, "__file__", None)
    return str(Path(file).resolve().parent) if isinstance(file, str) else ""


@lru_cache(maxsize=256)
def _commit(folder: str) -> str:
    head = _git(folder, "rev-parse", "HEAD") if folder else ""
    if not head:
        return ""
    return head + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")


def _git(folder: str, *arguments: str) -> str:
    import subprocess  # noqa: PLC0415 -- see the head of the file

    try:
        done = subprocess.run(  # noqa: S603 -- fixed words, no shell
            ["git", "-C", folder, *arguments],  # noqa: S607 -- git as the user has it
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
