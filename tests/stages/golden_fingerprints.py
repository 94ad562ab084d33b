"""Print the fingerprints of the sample functions as JSON. Run it under every supported Python, and compare."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import golden_samples

from lightfx.stages.fingerprint import fingerprint


def main() -> None:
    found = {}
    for number, sample in enumerate(golden_samples.SAMPLES):
        name = getattr(sample, "__qualname__", type(sample).__qualname__)
        made = fingerprint(sample)
        found[f"{number:02} {name}"] = (
            made.map(lambda mark: mark.digest).lash(lambda why: made.from_value(why.sentence)).unwrap()
        )
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
