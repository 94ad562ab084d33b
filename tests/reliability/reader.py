"""Reads from a cache, in a process of its own: ``python reader.py STORE URL KEYS SILENCE TRUST`` says what it took.

It prints one line of JSON: the value, how many stages ran, what was refused, what was warned of,
how long it took in seconds, by how many MiB its memory grew at most, and how many it wrote.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from attrs import evolve
from sharers import Heard, plan

from lightfx.caches import CacheSetup, Trust, anyone, folder, http, s3


def cache_at(url: str, silence: float) -> CacheSetup:
    if url.startswith("http"):
        return http(url, name="ours", silence=silence, connect=2.0)
    if url.startswith("s3://"):
        return s3(url.removeprefix("s3://"), name="ours", silence=silence, connect=2.0)
    return folder(url, name="ours")


def peak() -> float:
    """The most memory since it was last set back, in MiB; what `getrusage` tells is that of who started us, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def written() -> float:
    """How much was ever written to files and elsewhere, in MiB."""
    status = Path("/proc/self/io").read_text()
    return int(status.partition("wchar:")[2].split()[0]) / (1 << 20)


def main() -> None:
    store, url, keys, silence, trust = sys.argv[1:]
    setup = evolve(
        cache_at(url, float(silence)), keys=Path(keys), trust=anyone if trust == "any" else Trust(trust), push=False
    )
    reader = Heard(Path(store), setup)
    warm = Heard(Path(f"{store}-warm"))
    warm.evaluate(plan((7,)))  # what any run takes is taken before it counts
    Path("/proc/self/clear_refs").write_text("5")
    before, began, wrote = peak(), time.monotonic(), written()
    value = reader.evaluate(plan())
    said = {
        "value": value,
        "ran": reader.ran,
        "refused": [[each.what, each.why] for each in reader.refused],
        "warned": [each.why for each in reader.warned],
        "seconds": time.monotonic() - began,
        "grew": peak() - before,
        "wrote": written() - wrote,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
