"""Runs one fuzz target under atheris, which sees what code of ours each example reaches."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["lightfx"]):
    from fuzzing import TARGETS

if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]].run)
    atheris.Fuzz()
