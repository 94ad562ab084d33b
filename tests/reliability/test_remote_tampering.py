"""R1 and R5: who can write to a cache, and is not trusted, gets nothing into a store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from attacker import Attacker, renamed
from attrs import evolve
from sharers import MADE, WANTED, Heard, Person, assert_sound, plan, records

from lightfx import open_world, unwrap
from lightfx.caches import anyone
from lightfx.core.failures import CacheTrouble, NotStored
from lightfx.core.names import Digest
from lightfx.core.outcome import Root, Upstream
from lightfx.core.realization import Attempt, Context, Log, Realization, Value
from lightfx.core.refs import RRef
from lightfx.core.statement import Statement
from lightfx.moving import pull
from lightfx.wiring import Performing

pytestmark = pytest.mark.reliability(
    "R1", "a cache is tampered with, in each of 32 ways", passes="refused with a reason, nothing of it in the store"
)


class Scene:
    """A cache that Ada filled, Eve who tampers with it, and Bob who trusts Ada."""

    def __init__(self, top: Path) -> None:
        self.top, self.root = top, top / "shared"
        self.ada = Person(top, "ada")
        self.bob = Person(top, "bob", self.ada)
        self.eve = Person(top, "eve")
        first = Heard(top / "first", self.ada.shares(self.root, push=True))
        assert first.evaluate(plan()) == WANTED
        assert first.pushed == MADE
        self.attacker = Attacker(self.root)

    def signed_by_eve(self, made: Realization) -> object:
        return unwrap(self.eve.ring.signer()).sign(Statement.of(made)).tree  # type: ignore[union-attr]  # she has one

    def other_value(self, made: Realization) -> Realization:
        return renamed(made, result=Value(7)) if made.dref.name.text == "total" else made


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("filled"))


@pytest.fixture
def scene(filled: Scene, tmp_path: Path) -> Scene:
    """The same, with a cache of its own to tamper with."""
    mine: Scene = object.__new__(Scene)
    vars(mine).update(vars(filled))
    mine.top, mine.root = tmp_path, tmp_path / "shared"
    shutil.copytree(filled.root, mine.root)
    mine.attacker = Attacker(mine.root)
    return mine


def _forged_value(scene: Scene) -> None:
    """Another result of the same inputs, named by what it holds; Ada's signature stays beside it."""
    scene.attacker.records(scene.other_value)


def _forged_and_signed(scene: Scene) -> None:
    _forged_value(scene)
    scene.attacker.sign(scene.signed_by_eve)


def _forged_and_unsigned(scene: Scene) -> None:
    _forged_value(scene)
    scene.attacker.head(lambda head: head.update(signatures={}))


def _other_inputs(scene: Scene) -> None:
    """A good result, offered for other inputs: a replay of what was signed under another key."""
    scene.attacker.records(lambda made: renamed(made, key=Digest.of(made.key.text.encode())))


def _other_files(scene: Scene) -> None:
    """The files of one result in the place of another's."""
    trees = [made.tree for _, group, _ in scene.attacker.groups() for made in group.freight.realizations if made.tree]
    scene.attacker.records(lambda made: renamed(made, tree=trees[0]) if made.tree else made)


def _replayed(scene: Scene) -> None:
    """What was made of other inputs, and Ada signed so, in the place of what is asked for, with that signature."""
    one, other = (
        made
        for _, group, _ in scene.attacker.groups()
        for made in group.freight.realizations
        if made.dref.name.text == "rows"
    )
    forged = renamed(one, tree=other.tree, result=other.result)
    scene.attacker.records(lambda made: forged if made.rref == one.rref else made)

    def signed(head: dict[str, object]) -> None:
        signatures = head["signatures"]
        assert isinstance(signatures, dict)
        if forged.rref.text in signatures:
            signatures[forged.rref.text] = signatures[other.rref.text]

    scene.attacker.head(signed)


def _other_context(scene: Scene) -> None:
    """The name of a record does not cover on what it stands: its signature does."""
    scene.attacker.records(lambda made: evolve(made, context=Context(())))


def _other_log(scene: Scene) -> None:
    scene.attacker.records(lambda made: evolve(made, log=Log("all is well")))


def _other_time(scene: Scene) -> None:
    scene.attacker.records(lambda made: evolve(made, created=0.0))


def _flip_signature(head: dict[str, object]) -> None:
    signatures = head["signatures"]
    assert isinstance(signatures, dict)
    for signed in signatures.values():
        signed[0][1] = ("b" if signed[0][1][0] == "a" else "a") + signed[0][1][1:]


def _other_key(scene: Scene) -> Callable[[dict[str, object]], None]:
    def change(head: dict[str, object]) -> None:
        signatures = head["signatures"]
        assert isinstance(signatures, dict)
        for signed in signatures.values():
            signed[0][0] = scene.eve.public.text

    return change


def _swap_signatures(head: dict[str, object]) -> None:
    signatures = head["signatures"]
    assert isinstance(signatures, dict)
    values = list(signatures.values())
    head["signatures"] = dict(zip(signatures, [*values[1:], values[0]], strict=True))


def _entries(head: dict[str, object]) -> list[list[object]]:
    objects = head["objects"]
    assert isinstance(objects, dict)
    return [entry for manifest in objects.values() for entry in manifest]


def _other_size(head: dict[str, object]) -> None:
    for entry in _entries(head):
        if entry[1] == "file":
            entry[3] = int(str(entry[3])) + 1


def _other_digest(head: dict[str, object]) -> None:
    for entry in _entries(head):
        if entry[1] == "file":
            entry[2] = Digest.of(b"evil").text


def _way_out(head: dict[str, object]) -> None:
    for entry in _entries(head):
        if entry[1] == "link":
            entry[2] = "../../../../etc/passwd"


def _other_path(head: dict[str, object]) -> None:
    for entry in _entries(head):
        entry[0] = f"../{entry[0]}"


ATTACKS: dict[str, Callable[[Scene], None]] = {
    "a blob is flipped": lambda scene: [scene.attacker.flip("blobs", of=of) for of in (0, 1)] and None,
    "a pack is flipped": lambda scene: scene.attacker.flip("packs", 0.9),
    "the records are flipped": lambda scene: scene.attacker.flip("groups", 0.9),
    "a table is flipped": lambda scene: scene.attacker.flip("tables", 0.9),
    "the signature is flipped": lambda scene: scene.attacker.head(_flip_signature),
    "the key is another": lambda scene: scene.attacker.head(_other_key(scene)),
    "signatures are swapped": lambda scene: scene.attacker.head(_swap_signatures),
    "signatures are left out": lambda scene: scene.attacker.head(lambda head: head.update(signatures={})),
    "a stranger signed": lambda scene: scene.attacker.sign(scene.signed_by_eve),
    "what was signed is offered as the result of another": _replayed,
    "what is said of the records is flipped": lambda scene: scene.attacker.flip("groups", 0.02),
    "a size is another": lambda scene: scene.attacker.head(_other_size),
    "a digest is another": lambda scene: scene.attacker.head(_other_digest),
    "a link leads out": lambda scene: scene.attacker.head(_way_out),
    "a path leads out": lambda scene: scene.attacker.head(_other_path),
    "the context is another": _other_context,
    "the log is another": _other_log,
    "the time is another": _other_time,
    "the files are another's": _other_files,
    "the compression is another": lambda scene: (
        [
            scene.attacker.say(kind, lambda line: line.replace("plain", "none").replace("zstd", "plain"))
            for kind in ("blobs", "packs")
        ]
        and None
    ),
    "the length is another": lambda scene: scene.attacker.say("blobs", lambda line: line + "0"),
    "blobs are cut": lambda scene: scene.attacker.cut("blobs"),
    "packs are cut": lambda scene: scene.attacker.cut("packs"),
    "records are cut": lambda scene: scene.attacker.cut("groups"),
    "something is added to blobs": lambda scene: scene.attacker.append("blobs"),
    "something is added to records": lambda scene: scene.attacker.append("groups"),
    "two blobs are swapped": lambda scene: scene.attacker.swap("blobs"),
    "the value is another": _forged_value,
    "the value is another, unsigned": _forged_and_unsigned,
    "the value is another, signed by a stranger": _forged_and_signed,
    "what was signed is offered for other inputs": _other_inputs,
    "blobs are gone": lambda scene: scene.attacker.remove("blobs"),
}
NOT_ASKED = {"what was signed is offered for other inputs"}
"""What is forged has another name then, and a run does not ask for it."""
NOT_PULLED = {"the files are another's", "what was signed is offered as the result of another"}
"""What is forged has another name then, and what is pulled stands on the one that is gone."""


@pytest.mark.quick
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_was_tampered_with_is_refused(scene: Scene, attack: str) -> None:
    ATTACKS[attack](scene)
    good = assert_sound(scene.ada.top / "first")
    reader = Heard(scene.top / "reader", scene.bob.shares(scene.root))
    assert reader.evaluate(plan()) == WANTED, "a wrong result"
    assert reader.ran > 0, "what was tampered with was used"
    if attack not in NOT_ASKED:
        assert reader.refused or reader.warned, "nothing was said"
    assert all(each.cache == "ours" and each.why for each in (*reader.refused, *reader.warned))
    assert assert_sound(scene.top / "reader") == good


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_pull_of_what_was_tampered_with_leaves_nothing(scene: Scene, attack: str) -> None:
    """No record that is not Ada's own, whole; no file but those of such records."""
    ATTACKS[attack](scene)
    good = assert_sound(scene.ada.top / "first")
    with open_world(scene.top / "reader") as world:
        pulled = Performing().result(pull(world, [plan().dref], scene.bob.shares(scene.root)))
        failure = pulled.swap().value_or(None)
        traffic = pulled.value_or(None)
    said = isinstance(failure, NotStored | CacheTrouble) or (traffic is not None and traffic.refused)
    assert said or attack in NOT_PULLED
    there = assert_sound(scene.top / "reader")
    assert there < good
    objects = {path.name for path in (scene.top / "reader" / "objects").iterdir()}
    assert objects <= {path.name for path in (scene.ada.top / "first" / "objects").iterdir()}


@pytest.mark.quick
def test_what_nobody_tampered_with_is_used(scene: Scene) -> None:
    """The negative control: a reader who refuses everything would pass all that is above."""
    reader = Heard(scene.top / "reader", scene.bob.shares(scene.root))
    assert reader.evaluate(plan()) == WANTED
    assert (reader.ran, reader.pulled, reader.refused, reader.warned) == (0, MADE, [], [])
    assert assert_sound(scene.top / "reader") == assert_sound(scene.ada.top / "first")


@pytest.mark.quick
@pytest.mark.parametrize("attack", [_other_context, _other_log, _other_time])
def test_a_copy_beside_a_signed_record_is_not_taken_for_it(scene: Scene, attack: Callable[[Scene], None]) -> None:
    """Trap: what states the same was judged together, and the copy, being older, was stored."""
    good = scene.top / "good"
    shutil.copytree(scene.root, good)
    attack(scene)
    for path in (good / "v1" / "groups").iterdir():
        shutil.copy(path, scene.root / "v1" / "groups")
    told = [
        row for each in (Attacker(good), scene.attacker) for path in each.paths("tables") for row in each._rows(path)
    ]
    scene.attacker.tell(told)
    reader = Heard(scene.top / "reader", scene.bob.shares(scene.root))
    assert reader.evaluate(plan()) == WANTED
    assert reader.ran == 0
    first, second = (
        {path.read_bytes() for path in (store / "records").iterdir()}
        for store in (scene.ada.top / "first", scene.top / "reader")
    )
    lines = {line for data in first for line in data.splitlines() if b'"rref"' in line}
    assert {line for data in second for line in data.splitlines() if b'"rref"' in line} == lines


@pytest.mark.quick
@pytest.mark.reliability(
    "R5", "a forged record by one who can write", passes="refused by default, used where anyone is believed"
)
def test_a_forged_record_is_refused_unless_anyone_is_believed(scene: Scene) -> None:
    _forged_and_signed(scene)
    careful = Heard(scene.top / "careful", scene.bob.shares(scene.root))
    assert careful.evaluate(plan()) == WANTED
    assert any("which is not trusted" in each.why for each in careful.refused)
    credulous = Heard(scene.top / "credulous", scene.bob.shares(scene.root, trust=anyone))
    assert credulous.evaluate(plan()) == 7, "it was said to be believed"
    assert credulous.ran == 0


OUT = Digest("blake3:../records")
MALFORMED: dict[str, Callable[[Realization], Realization]] = {
    "its number is in no database": lambda made: renamed(made, index=1 << 63),
    "its number is below none": lambda made: renamed(made, index=-1),
    "its key is no digest": lambda made: renamed(made, key=OUT),
    "its files lead out of the objects": lambda made: renamed(made, tree=OUT, ephemeral=True),
    "its files are anywhere": lambda made: renamed(made, tree=Digest("blake3:/etc"), ephemeral=True),
    "its files have no name": lambda made: renamed(made, tree=Digest("blake3:\0"), ephemeral=True),
    "its log leads out of the objects": lambda made: renamed(made, tree=OUT, ephemeral=True, log=Log("", OUT)),
    "an earlier log leads out of the objects": lambda made: renamed(
        made, tree=OUT, ephemeral=True, earlier=(Attempt("raised", "no", log=Log("", OUT)),)
    ),
    "it stands on nothing": lambda made: evolve(
        made, context=Context(tuple((use, (RRef("../x"),)) for use, _ in made.context.entries))
    ),
    "it is like nothing": lambda made: evolve(made, like=RRef("../x")),
    "it blames nothing": lambda made: renamed(made, result=Upstream((Root(RRef("../x"), "no"),), 1)),
}


@pytest.mark.quick
@pytest.mark.reliability("R1", "records that no store could hold", passes="refused, whoever is believed")
@pytest.mark.parametrize("what", MALFORMED)
def test_what_no_store_could_hold_is_refused_whoever_is_believed(scene: Scene, what: str) -> None:
    """Trap: such a record was stored, and the store could not be read again, or led out of its folder of objects."""
    change = MALFORMED[what]
    scene.attacker.records(lambda made: change(made) if made.dref.name.text == "text" else made)
    for _ in range(2):
        reader = Heard(scene.top / "reader", scene.bob.shares(scene.root, trust=anyone))
        assert reader.evaluate(plan()) == WANTED
    assert_sound(scene.top / "reader")
    assert all("../" not in str(record) for record in records(scene.top / "reader"))


@pytest.mark.quick
@pytest.mark.reliability("R1", "records that no store could hold", passes="refused, whoever is believed")
@pytest.mark.parametrize(
    "parts", [r'[["m:f","\ud800"]]', r'[["m:f",7]]', r'[["m:f"]]', '{"ab":1}', '[["m:f","x"]] '], ids=range(5)
)
def test_what_a_code_consists_of_fails_no_run(scene: Scene, parts: str) -> None:
    """Trap: nobody signs it, so whoever could write to the cache could fail all runs of those who believe Ada."""
    code = f'{{"code":"{"f" * 64}","parts":{parts}}}\n'.encode()
    scene.attacker.rewrite(lambda data: data.replace(b"\n", b"\n" + code, 1))
    reader = Heard(scene.top / "reader", scene.bob.shares(scene.root))
    assert reader.evaluate(plan()) == WANTED
    assert reader.ran > 0
    assert any("cannot be read" in each.why for each in reader.refused)
