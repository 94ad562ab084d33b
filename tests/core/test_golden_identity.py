"""Golden vectors: what was named once is named so for ever, by every Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHONS = {
    "this": Path(sys.executable),
    "3.12": ROOT / ".venv-3.12/bin/python",
    "3.13": ROOT / ".venv-3.13/bin/python",
}


@pytest.mark.parametrize("hash_seed", ["0", "1"])
@pytest.mark.parametrize("python", PYTHONS)
def test_identity_is_as_it_was(python: str, hash_seed: str) -> None:
    """Trap: the salted ``hash()`` in an identity."""
    if not PYTHONS[python].exists():
        pytest.skip(f"there is no .venv-{python}: `make .venv/.others` makes it where Python {python} is installed")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": hash_seed}
    ran = subprocess.run(
        [PYTHONS[python], HERE / "golden_identity.py"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr


def test_the_vectors_cover_every_kind_of_result() -> None:
    known = json.loads((HERE / "golden_identity.json").read_text(encoding="utf-8"))
    kinds = {json.loads(text).get("left", "right") for text in known["results"].values()}
    assert kinds == {
        "right",
        "returned",
        "raised",
        "timed_out",
        "died",
        "bad_output",
        "upstream",
        "cancelled",
    }


def test_no_two_samples_have_one_identity() -> None:
    known = json.loads((HERE / "golden_identity.json").read_text(encoding="utf-8"))
    for group in ("digests", "short hashes", "drefs", "keys", "observed keys", "rrefs", "manifests", "contents"):
        assert len(set(known[group].values())) == len(known[group]), group
    assert set(known["keys"].values()).isdisjoint(known["observed keys"].values())
