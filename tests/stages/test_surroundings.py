"""Who makes a realization."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import attrs
import numpy as np
import pytest

from lightfx.stages.surroundings import made_by, packages_of, version_of


def test_packages_are_those_that_the_module_imports() -> None:
    module = ModuleType("mine")
    module.__dict__.update(np=np, attrs=attrs, Path=Path, number=3)
    assert packages_of(module) == (("attrs", version_of("attrs")), ("numpy", np.__version__))


def test_the_standard_library_has_no_version_of_its_own() -> None:
    module = ModuleType("mine")
    module.__dict__.update(Path=Path, sys=sys)
    assert packages_of(module) == ()


def test_host_user_and_python() -> None:
    found = made_by(__name__)
    assert found.host
    assert found.python == ".".join(map(str, sys.version_info[:3]))


def test_the_commit_of_the_module_and_whether_it_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> str:
        author = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(
            ["git", "-C", str(tmp_path), *author, *words], check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "--quiet")
    (tmp_path / "committed_module.py").write_text("import numpy\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    monkeypatch.syspath_prepend(tmp_path)
    import committed_module  # noqa: F401

    from lightfx.stages import surroundings

    assert made_by("committed_module").commit == git("rev-parse", "HEAD")
    (tmp_path / "committed_module.py").write_text("import numpy, json\n")
    surroundings._made_by.cache_clear()
    surroundings._commit.cache_clear()
    assert made_by("committed_module").commit == git("rev-parse", "HEAD") + "+"


def test_no_checkout_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loose_module.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    import loose_module  # noqa: F401

    assert made_by("loose_module").commit == ""


def test_packages_imported_in_a_function_body_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap: an import that a stage delays hides its package from the record."""
    code = (
        "import sys\n\n\ndef f():\n    from scipy import stats\n    import numpy.linalg as la\n    return stats, la\n"
    )
    (tmp_path / "lazy_module.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    import lazy_module

    assert [name for name, _ in packages_of(lazy_module)] == ["numpy", "scipy"]
