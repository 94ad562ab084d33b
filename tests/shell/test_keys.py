"""Keys on the disk: made once, readable by their owner alone, never in a store."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from lightfx.core.failures import BadKey, EngineFailure, NotPermitted, SystemTrouble, sentence
from lightfx.core.names import Digest, Name
from lightfx.core.refs import DRef
from lightfx.core.statement import PublicKey, Statement
from lightfx.plan.policies import SignedBy
from lightfx.plan.trust import Accepted, Forged, Offer, Refused, judge
from lightfx.shell.ed25519 import verifier, verify
from lightfx.shell.keys import KeyRing
from lightfx.wiring import Performing, open_world, unwrap

NAME, OTHER = Name("default"), Name("ada")
SAID = Statement(DRef("a" * 32 + "-plan"), "blake3:1", 0, Digest("blake3:2"), "right", Digest("blake3:3"))


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "settings" / "lightfx" / "keys")


def failure(io: object) -> EngineFailure:
    found: EngineFailure = Performing().result(io).failure()  # type: ignore[arg-type]  # of any value
    return found


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_key_signs_and_is_verified(ring: KeyRing) -> None:
    public = unwrap(ring.make(NAME))
    private = unwrap(ring.load(NAME))
    assert private.public == public
    signature = private.sign(SAID)
    assert signature.key == public
    assert unwrap(verifier()) is verify
    assert verify(public, SAID.canonical(), signature.value)
    assert not verify(public, SAID.canonical() + b" ", signature.value)
    assert not verify(public, SAID.canonical(), bytes(64))
    assert not verify(public, SAID.canonical(), b"short")
    assert not verify(PublicKey(b"\xff" * 32), SAID.canonical(), signature.value), "no point of the curve"
    assert judge(SignedBy([public]), [Offer(SAID, (signature,))], verify) == {SAID: Accepted(frozenset({public}))}


@pytest.mark.parametrize("at", range(0, 64, 7))
def test_every_flipped_byte_of_a_signature_voids_it(ring: KeyRing, at: int) -> None:
    public = unwrap(ring.make(NAME))
    good = unwrap(ring.load(NAME)).sign(SAID)
    value = bytes(each ^ (index == at) for index, each in enumerate(good.value))
    assert not verify(public, SAID.canonical(), value)
    offer = Offer(SAID, (type(good)(public, value),))
    assert judge(SignedBy([public]), [offer], verify)[SAID] == Refused(Forged(frozenset({public})))


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_modes_are_exact_whatever_the_umask(ring: KeyRing, umask: int) -> None:
    ring.folder.parent.mkdir(parents=True)
    before = os.umask(umask)
    try:
        if umask == 0o777:
            ring.folder.mkdir()
            ring.folder.chmod(0o700)
        unwrap(ring.make(NAME))
        unwrap(ring.trust(OTHER, PublicKey(bytes(32))))
    finally:
        os.umask(before)
    assert [mode(ring.folder), mode(ring.folder / "default.key"), mode(ring.folder / "ada.pub")] == [
        0o700,
        0o600,
        0o644,
    ]


def test_a_private_key_shows_itself_to_nobody(ring: KeyRing) -> None:
    unwrap(ring.make(NAME))
    kept = (ring.folder / "default.key").read_text().strip()
    private = unwrap(ring.load(NAME))
    secret = kept.partition(":")[2]
    assert re.fullmatch("lightfx-ed25519-secret:[a-z2-7]{52}", kept)
    shown = " ".join([repr(private), str(private), repr(private.sign(SAID)), repr(private.public)])
    assert secret not in shown and secret[:8] not in shown
    (ring.folder / "default.key").write_text(kept + "x\n")
    (ring.folder / "default.key").chmod(0o600)
    assert secret[:8] not in repr(failure(ring.load(NAME)))


def test_a_key_is_never_replaced(ring: KeyRing) -> None:
    public = unwrap(ring.make(NAME))
    assert "already" in sentence(failure(ring.make(NAME)))
    assert "already" in sentence(failure(ring.trust(NAME, PublicKey(bytes(32)))))
    assert unwrap(ring.load(NAME)).public == public


def test_nothing_is_written_through_a_link(ring: KeyRing, tmp_path: Path) -> None:
    unwrap(ring.make(OTHER))
    aside = tmp_path / "aside"
    for target in ("default.key", "new.pub"):
        (ring.folder / target).symlink_to(aside)
    assert isinstance(failure(ring.make(NAME)), BadKey)
    assert isinstance(failure(ring.trust(Name("new"), PublicKey(bytes(32)))), BadKey)
    assert not aside.exists()


def _wide(ring: KeyRing) -> None:
    (ring.folder / "default.key").chmod(0o640)


def _open_folder(ring: KeyRing) -> None:
    ring.folder.chmod(0o770)


def _link(ring: KeyRing) -> None:
    (ring.folder / "default.key").rename(ring.folder / "elsewhere")
    (ring.folder / "default.key").symlink_to("elsewhere")


def _pipe(ring: KeyRing) -> None:
    (ring.folder / "default.key").unlink()
    os.mkfifo(ring.folder / "default.key", 0o600)


def _empty(ring: KeyRing) -> None:
    (ring.folder / "default.key").write_bytes(b"")


def _public_in_its_place(ring: KeyRing) -> None:
    (ring.folder / "default.key").write_text(PublicKey(bytes(32)).text)


def _noise(ring: KeyRing) -> None:
    (ring.folder / "default.key").write_bytes(bytes(range(256)) * 100)


def _foreign(ring: KeyRing) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    os.chown(ring.folder / "default.key", 12345, -1)


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (_wide, "others can read or write it (mode 0640)"),
        (_open_folder, "others can write in the folder"),
        (_link, "it is a link"),
        (_pipe, "it is no file"),
        (_empty, "it holds no private key"),
        (_public_in_its_place, "it holds no private key"),
        (_noise, "it holds no private key"),
        (_foreign, "it belongs to somebody else"),
    ],
)
def test_a_key_that_others_may_have_is_refused(ring: KeyRing, harm: Callable[[KeyRing], None], why: str) -> None:
    unwrap(ring.make(NAME))
    harm(ring)
    for io in (ring.load(NAME), ring.own(), ring.trusted()):
        found = failure(io)
        assert isinstance(found, BadKey)
        assert why in found.why


def test_a_trusted_key_that_others_can_write_is_refused(ring: KeyRing) -> None:
    """Whoever can write it decides who is believed."""
    unwrap(ring.trust(OTHER, PublicKey(bytes(32))))
    (ring.folder / "ada.pub").chmod(0o664)
    assert "others can write it" in sentence(failure(ring.trusted()))


def test_keys_in_a_store_are_refused(tmp_path: Path) -> None:
    open_world(tmp_path / "store").close()
    for folder in (tmp_path / "store", tmp_path / "store" / "keys", tmp_path / "store" / "tmp" / "a" / "b"):
        found = failure(KeyRing(folder).make(NAME))
        assert "lies in the store" in sentence(found)
        assert not list(folder.glob("**/*.key"))
    (tmp_path / "way-in").symlink_to(tmp_path / "store")
    assert "lies in the store" in sentence(failure(KeyRing(tmp_path / "way-in").make(NAME)))


def test_trust_is_given_and_taken(ring: KeyRing) -> None:
    assert unwrap(ring.trusted()) == {}
    theirs = PublicKey(bytes([7] * 32))
    unwrap(ring.trust(OTHER, theirs))
    mine = unwrap(ring.make(NAME))
    assert unwrap(ring.trusted()) == {"ada": theirs, "default": mine}
    assert unwrap(ring.own()) == {"default": mine}
    unwrap(ring.distrust(OTHER))
    assert unwrap(ring.trusted()) == {"default": mine}
    assert "no trusted key of this name" in sentence(failure(ring.distrust(OTHER)))
    assert "no key of this name" in sentence(failure(ring.load(OTHER)))


def test_what_the_system_refuses_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert isinstance(failure(KeyRing(tmp_path / "file" / "keys").make(NAME)), SystemTrouble)
    full = failure(KeyRing(Path("/proc/keys-of-lightfx")).make(NAME))
    assert isinstance(full, SystemTrouble | NotPermitted)


def test_without_the_package_it_says_what_to_install(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    unwrap(ring.make(NAME))
    monkeypatch.setitem(__import__("sys").modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    assert "pip install 'lightfx[keys]'" in sentence(failure(ring.make(OTHER)))
    assert "pip install 'lightfx[keys]'" in sentence(failure(ring.own()))
    assert "pip install 'lightfx[keys]'" in sentence(failure(verifier()))
    assert not (ring.folder / "ada.key").exists()


def test_the_key_to_sign_with(ring: KeyRing) -> None:
    assert unwrap(ring.signer()) is None
    assert "no key of this name" in sentence(failure(ring.signer("ada")))
    assert "is no name for a key" in sentence(failure(ring.signer("../../etc/ssl/key")))
    ada = unwrap(ring.make(OTHER))
    assert unwrap(ring.signer()) == unwrap(ring.load(OTHER)), "the only one"
    unwrap(ring.make(Name("build")))
    assert "several keys (ada, build)" in sentence(failure(ring.signer()))
    named = unwrap(ring.signer("ada"))
    assert named is not None and named.public == ada
    unwrap(ring.make(NAME))
    assert unwrap(ring.signer()) == unwrap(ring.load(NAME))
