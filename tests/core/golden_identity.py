"""What names a thing, for ever: spellings, references, keys and digests of fixed samples.

Run with ``PYTHONPATH=src`` by any supported Python: it computes every vector
anew and compares with ``golden_identity.json`` beside it; exit code 1 and a
line for each that differs. A vector that differs is a store that nobody finds
anything in again: never write the file anew (``--write``) for a format that was
released; make a new format version.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lightfx.core.canonical import Tree, spell
from lightfx.core.config import Config, Reference, Take, input_key
from lightfx.core.layout import claim_path, format_text, object_path, records_path
from lightfx.core.manifest import Entry, Kind, digest_of
from lightfx.core.names import Digest, Name, short_hash
from lightfx.core.outcome import BadOutput, Cancelled, Died, Raised, Returned, Root, TimedOut, Upstream
from lightfx.core.realization import Context, Cost, Log, MadeBy, Realization, Result, Value, content_of
from lightfx.core.records import read_realization, spell_realization, spell_result
from lightfx.core.refs import DRef, RRef

FILE = Path(__file__).with_suffix(".json")

TREES: dict[str, Tree] = {
    "null": None,
    "booleans": [True, False],
    "integers": [0, -1, 10**30, 2**53 + 1],
    "floats": [0.0, -0.0, 1.0, 0.1, 1e16, 1e15, 1e-5, 1e-4, 5e-324, 1.7976931348623157e308, 1 / 3],
    "one of each one": [1, 1.0, True, "1"],
    "texts": [
        "",
        'quote " and \\',
        "tab\t line\n nul\x00 esc\x1b del\x7f",
        "é",
        "e\u0301",
        "\u2028",
        "😀",
        "\uffff",
        "/",
    ],
    "keys by code point": {
        "b": 1,
        "a": 2,
        "B": 3,
        "é": 4,
        "z": 5,
        "": 6,
        "\uffff": 7,
        "😀": 8,
        "aa": 9,
        "10": 0,
        "9": 0,
    },
    "nested": {"a": [[], {}, [{"b": [None]}]]},
    "a tuple is a list": (1, (2, "x")),
}
DATASET = DRef.of('{"args":{}}', "dataset")
USE = Reference(DATASET)
REFERENCES = {
    "plain": USE,
    "tolerated": Reference(DATASET, tolerate=True),
    "latest": Reference(DATASET, "latest()"),
    "some": Reference(DATASET, "some(3)", Take.MANY),
    "all": Reference(DATASET, "then(every(),best(abc,2))", Take.MANY, tolerate=True),
}
CONFIGS: dict[str, dict[str, Tree]] = {
    "stage": {
        "args": {"data": USE.tree, "lr": 0.1, "name": "inner"},
        "code": {"fingerprint": "blake3:00"},
        "name": "train",
    },
    "all references": {"args": [each.tree for each in REFERENCES.values()], "code": {"version": "1"}, "name": "x"},
    "captured": {"args": {}, "captured": {"name": "x", "k": 1}, "code": {"version": "1"}, "name": "f"},
    "source": {"args": {}, "code": {"source": "file"}, "name": "a.csv", "path": 'data/a "b".csv', "place": "a2"},
    "no stage": {"rate": 1, "name": "f", "z": 2},
}
ENTRIES = [
    Entry("b.txt", Kind.FILE, Digest.of(b"b").text, 1),
    Entry("run.sh", Kind.FILE, Digest.of(b"").text, 0, executable=True),
    Entry("folder", Kind.FOLDER),
    Entry("folder/link", Kind.LINK, "../b.txt"),
    Entry("é", Kind.FILE, Digest.of(b"x").text, 1),
    Entry("odd\udcff", Kind.FILE, Digest.of(b"y").text, 1),
]
KEY = input_key('{"a":1', "blake3:77")
ROOT = RRef.of(DATASET, key=KEY.text, index=0, content="blake3:1")
RESULTS: dict[str, Result] = {
    "value": Value({"b": 1, "a": [1.0, "é"]}),
    "returned": Returned("Diverged", {"step": 7}),
    "raised": Raised("ValueError", ("ValueError", "Exception"), "no\nluck", "Traceback…"),
    "timed out": TimedOut(3),
    "died": Died(None, "SIGKILL", out_of_memory=True),
    "bad output": BadOutput("weights", "does not exist"),
    "upstream": Upstream((Root(ROOT, "raised OSError"),), 1),
    "cancelled": Cancelled("by the user"),
}


def realization(name: str) -> Realization:
    """A realization with every field set."""
    content = content_of(spell_result(RESULTS[name]), digest_of(ENTRIES))
    return Realization(
        RRef.of(DATASET, key=KEY.text, index=2, content=content.text),
        KEY,
        2,
        content,
        RESULTS[name],
        digest_of(ENTRIES),
        Context(tuple((reference, (ROOT, ROOT)) for reference in REFERENCES.values())),
        1_700_000_000.25,
        MadeBy("host", "me", "3.11.7", (("attrs", "24.2"), ("torch", "2.1")), "c0ffee+"),
        Cost(1.5, 4096),
        3,
        Log("the end\n", Digest.of(b"log")),
        ROOT,
    )


def vectors() -> dict[str, dict[str, str]]:
    """Compute every vector."""
    configs = {name: Config(_spelled_with_references(tree)) for name, tree in CONFIGS.items()}
    resolved = {name: config.resolved(lambda ref: f'{{"$is":["{ref.dref}"]}}') for name, config in configs.items()}
    return {
        "spellings": {name: spell(tree).unwrap() for name, tree in TREES.items()},
        "digests": {name: Digest.of(spell(tree).unwrap().encode()).text for name, tree in TREES.items()},
        "short hashes": {text: short_hash(text) for text in ("", "lightfx", "é")},
        "names": {text: Name.made_of(text).text for text in ("<lambda>", "../a b", "é", "x" * 120, "-+.")},
        "references": {name: _spelled_with_references(each.tree) for name, each in REFERENCES.items()},
        "configs": {name: config.text for name, config in configs.items()},
        "drefs": {name: DRef.of(config.text, "train").text for name, config in configs.items()},
        "resolved": resolved,
        "keys": {name: input_key(text).text for name, text in resolved.items()},
        "observed keys": {name: input_key(text, "blake3:77").text for name, text in resolved.items()},
        "rrefs": {
            str(index): RRef.of(DATASET, key=KEY.text, index=index, content="blake3:1").text for index in (0, 1, 12)
        },
        "manifests": {
            "nothing": digest_of([]).text,
            "one": digest_of(ENTRIES[:1]).text,
            "all": digest_of(ENTRIES).text,
        },
        "results": {name: spell_result(result) for name, result in RESULTS.items()},
        "contents": {
            **{name: content_of(spell_result(result), None).text for name, result in RESULTS.items()},
            "with files": content_of(spell_result(RESULTS["value"]), digest_of(ENTRIES)).text,
        },
        "records": {name: spell_realization(realization(name)) for name in RESULTS},
        "layout": {
            "format": format_text(),
            "object": str(object_path(KEY)),
            "claim": str(claim_path(KEY)),
            "records": str(records_path(KEY)),
        },
    }


def _spelled_with_references(tree: Tree) -> str:
    """Spell what holds references: their keys begin with ``$``, which is refused to users."""
    return json.dumps(tree, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def faults() -> list[str]:
    """Say what differs from the vectors, and which record does not read back."""
    known, found = json.loads(FILE.read_text(encoding="utf-8")), vectors()
    told = [
        f"{group} / {name}: {known.get(group, {}).get(name)!r} became {found.get(group, {}).get(name)!r}"
        for group in sorted({*known, *found})
        for name in sorted({*known.get(group, {}), *found.get(group, {})})
        if known.get(group, {}).get(name) != found.get(group, {}).get(name)
    ]
    for name, line in known["records"].items():
        if read_realization(line).value_or(None) != realization(name):
            told.append(f"the record {name!r} does not read back as it was")
    return told


if __name__ == "__main__":
    if "--write" in sys.argv:
        FILE.write_text(json.dumps(vectors(), indent=1, sort_keys=True, ensure_ascii=True) + "\n", encoding="utf-8")
    problems = faults()
    sys.stdout.write("".join(f"{problem}\n" for problem in problems))
    sys.exit(1 if problems else 0)
