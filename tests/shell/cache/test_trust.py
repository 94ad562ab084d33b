"""Whose results a run takes from a cache: by signatures, and by what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from lightfx import Build, Derivation, evaluate, stage, unwrap
from lightfx.caches import CacheSetup, Trust, agreed, anyone, folder, signed_by
from lightfx.core.names import Name
from lightfx.effects.journal import CacheRefused, CacheWarned, JournalEvent, Pulled, TaskStarted
from lightfx.journal import Listener
from lightfx.moving import pull
from lightfx.shell.keys import KeyRing
from lightfx.wiring import EngineError, open_world


@stage(version="1")
def double(build: Build, number: int) -> int:
    return 2 * number


@stage(version="1")
def written(build: Build, number: Derivation[int]) -> Path:
    path = build.out / "number.txt"
    path.write_text(str(build.need(number)))
    return path


@stage(version="1")
def length(build: Build, text: Derivation[Path]) -> int:
    return len(build.need(text).read_text())


PLAN = length(written(double(21)))
LIES = {"value": 1}


@stage(version="1")
def unsteady(build: Build) -> int:
    return LIES["value"]


class Heard:
    """A store, and what runs on it tell."""

    def __init__(self, path: Path, *caches: CacheSetup) -> None:
        self.events: list[JournalEvent] = []
        self.path, self.caches = path, caches

    def evaluate(self, plan: Derivation[int], **options: object) -> int:
        with open_world(self.path, caches=self.caches, journal=Listener(self.events.append)) as world:
            return evaluate(world, plan, **options)

    @property
    def ran(self) -> int:
        return sum(isinstance(event, TaskStarted) for event in self.events)

    def of(self, kind: type) -> list[JournalEvent]:
        return [event for event in self.events if isinstance(event, kind)]


class Person:
    """Somebody with keys of his own, who trusts whom he trusts, and shares over one folder with others."""

    def __init__(self, top: Path, name: str, *trusts: Person) -> None:
        self.top, self.name = top, name
        self.ring = KeyRing(top / f"keys-of-{name}")
        self.public = unwrap(self.ring.make(Name("default")))
        for each in trusts:
            unwrap(self.ring.trust(Name(each.name), each.public))

    def cache(self, trust: Trust = signed_by(), push: bool = False) -> CacheSetup:
        return evolve(folder(self.top / "shared", push=push, trust=trust, name="ours"), keys=self.ring.folder)

    def heard(self, store: str, trust: Trust = signed_by(), push: bool = False) -> Heard:
        return Heard(self.top / store, self.cache(trust, push))


@pytest.fixture
def ada(tmp_path: Path) -> Person:
    return Person(tmp_path, "ada")


def test_what_a_trusted_key_signed_is_used(tmp_path: Path, ada: Person) -> None:
    bob = Person(tmp_path, "bob", ada)
    ada.heard("one", push=True).evaluate(PLAN)
    second = bob.heard("two")
    assert second.evaluate(PLAN) == 2
    assert (second.ran, second.of(CacheRefused)) == (0, [])


def test_what_a_stranger_signed_is_not_and_that_is_said(tmp_path: Path, ada: Person) -> None:
    bob = Person(tmp_path, "bob")
    ada.heard("one", push=True).evaluate(PLAN)
    second = bob.heard("two")
    assert second.evaluate(PLAN) == 2
    assert second.ran == 3
    assert second.of(Pulled) == []
    refused = second.of(CacheRefused)
    assert len(refused) == 3
    assert all(f"signed by {ada.public}, which is not trusted" in each.why for each in refused)


def test_without_any_key_nothing_is_signed_and_nothing_is_used_but_by_saying_so(tmp_path: Path) -> None:
    nobody = evolve(folder(tmp_path / "shared", push=True), keys=tmp_path / "none")
    Heard(tmp_path / "one", nobody).evaluate(PLAN)
    second = Heard(tmp_path / "two", evolve(nobody, push=False))
    second.evaluate(PLAN)
    assert second.ran == 3
    assert {each.why for each in second.of(CacheRefused)} == {
        "no key is trusted: `lightfx key trust NAME KEY` changes that"
    }
    third = Heard(tmp_path / "three", evolve(nobody, push=False, trust=anyone))
    third.evaluate(PLAN)
    assert third.ran == 0


def test_builders_who_agree(tmp_path: Path, ada: Person) -> None:
    bob = Person(tmp_path, "bob")
    eve = Person(tmp_path, "eve")
    reader = Person(tmp_path, "reader", ada, bob, eve)
    trust = agreed(2, "ada", "bob", "eve")
    ada.heard("one", push=True).evaluate(PLAN)
    alone = reader.heard("r1", trust)
    alone.evaluate(PLAN)
    assert alone.ran == 3
    assert {each.why for each in alone.of(CacheRefused)} == {"1 builders agree on it, of 2 wanted"}
    bob.heard("two", push=True).evaluate(PLAN)  # trusts nobody but himself, so he builds
    both = reader.heard("r2", trust)
    both.evaluate(PLAN)
    assert (both.ran, both.of(CacheRefused)) == (0, [])


def test_builders_who_disagree(tmp_path: Path, ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = Person(tmp_path, "bob")
    reader = Person(tmp_path, "reader", ada, bob)
    ada.heard("one", push=True).evaluate(unsteady())
    monkeypatch.setitem(LIES, "value", 2)
    bob.heard("two", push=True).evaluate(unsteady())
    monkeypatch.setitem(LIES, "value", 3)
    split = reader.heard("r1", agreed(1, "ada", "bob"))
    assert split.evaluate(unsteady()) == 3
    assert all("as many builders got something else" in each.why for each in split.of(CacheRefused))
    assert len(split.of(CacheRefused)) == 2


def test_a_pull_of_one_result_hears_what_else_was_said_of_its_inputs(
    tmp_path: Path, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Person(tmp_path, "reader", ada)
    ada.heard("one", push=True).evaluate(unsteady())
    monkeypatch.setitem(LIES, "value", 2)
    ada.heard("two", push=True).evaluate(unsteady(), force=[unsteady()])
    with open_world(tmp_path / "one") as world:
        first = unwrap(world.store.newest(None, 1))[0].stored.rref
    monkeypatch.undo()
    with open_world(tmp_path / "r") as world:
        assert unwrap(pull(world, [first], reader.cache())).rrefs == (first,)
    with open_world(tmp_path / "r2") as world, pytest.raises(EngineError, match="signed two different results"):
        unwrap(pull(world, [first], reader.cache(agreed(1, "ada"))))


def test_who_is_distrusted_is_not_believed_any_more(tmp_path: Path, ada: Person) -> None:
    bob = Person(tmp_path, "bob", ada)
    ada.heard("one", push=True).evaluate(PLAN)
    unwrap(bob.ring.distrust(Name("ada")))
    for trust, why in ((signed_by(), "not trusted"), (signed_by("ada"), "no key is trusted by the name 'ada'")):
        second = bob.heard(f"two-{trust.keys}", trust)
        second.evaluate(PLAN)
        assert second.ran == 3
        assert any(why in each.why for each in (*second.of(CacheRefused), *second.of(CacheWarned)))


def test_a_key_that_others_may_read_signs_nothing_and_fails_no_run(tmp_path: Path, ada: Person) -> None:
    (ada.ring.folder / "default.key").chmod(0o644)
    first = ada.heard("one", push=True)
    assert first.evaluate(PLAN) == 2
    assert [("others can read" in each.why) for each in first.of(CacheWarned)] == [True]
    assert not (tmp_path / "shared" / "v1" / "groups").exists()


def test_a_result_that_is_there_unsigned_is_brought_again_signed(tmp_path: Path, ada: Person) -> None:
    bob = Person(tmp_path, "bob", ada)
    keyless = evolve(folder(tmp_path / "shared", push=True, name="ours"), keys=tmp_path / "none")
    Heard(tmp_path / "one", keyless).evaluate(PLAN)
    ada.heard("two", push=True).evaluate(PLAN)
    second = bob.heard("three")
    second.evaluate(PLAN)
    assert second.ran == 0


def test_what_is_kept_of_a_policy_is_read_back(tmp_path: Path) -> None:
    from lightfx.shell.cache.settings import change_setups, read_setups

    open_world(tmp_path / "store").close()
    setups = [
        folder(tmp_path / "a", name="a"),
        folder(tmp_path / "b", name="b", trust=anyone),
        folder(tmp_path / "c", name="c", trust=agreed(1, "ada", "bob"), push=True, key="build"),
    ]
    unwrap(change_setups(tmp_path / "store", lambda _: setups))
    assert list(unwrap(read_setups(tmp_path / "store"))) == setups
    kept = tmp_path / "store" / "caches.json"
    kept.write_text(kept.read_text().replace('"any"', '"everybody"'))
    with pytest.raises(EngineError, match="no policy of trust"):
        unwrap(read_setups(tmp_path / "store"))
