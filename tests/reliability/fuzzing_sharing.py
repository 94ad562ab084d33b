"""Fuzz targets of what is shared: caches, keys, signatures, and what a store notes of them; for `fuzzing.TARGETS`.

Whoever may write to a cache may write anything there, under the right name: so
what is fuzzed is named anew by its digest, and goes all the way that a reader
takes it. No target asks a server anything: addresses are opened, and folders read.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from returns.io import IOResult
from returns.result import Failure, Success
from returns.unsafe import unsafe_perform_io

from lightfx.caches import CacheSetup, Trust
from lightfx.core.config import Config
from lightfx.core.manifest import Entry, Kind, digest_of
from lightfx.core.names import Digest, Name
from lightfx.core.realization import Realization, Value, content_of
from lightfx.core.records import spell_result
from lightfx.core.refs import DRef, RRef
from lightfx.core.statement import PublicKey, Signature, read_signatures, signature_tree
from lightfx.effects.cache import Failed, Missing, Want
from lightfx.effects.world import Perform
from lightfx.plan.believing import believing
from lightfx.plan.packing import Freight
from lightfx.plan.policies import Agreed, SignedBy
from lightfx.plan.sharing import (
    GROUPS,
    MOST_ROWS,
    TABLE_LIST,
    TABLES,
    Group,
    Row,
    names_of,
    read_table,
    read_table_list,
    spell_table,
    table_list,
    token,
)
from lightfx.shell.cache.catalogue import Catalogue
from lightfx.shell.cache.channel import BrokenError, ChannelCache, GoneError
from lightfx.shell.cache.memory import MemoryChannel, memory_cache
from lightfx.shell.cache.opening import open_cache
from lightfx.shell.cache.partner import Partner
from lightfx.shell.cache.sealing import sealed, whole
from lightfx.shell.cache.settings import change_setups, read_setups
from lightfx.shell.cache.web import WebChannel
from lightfx.shell.keys import OWN, SECRET_TAG, TRUSTED, KeyRing
from lightfx.shell.store.soundness import Soundness
from lightfx.shell.zstandard import zstd

MOST = 1 << 16
PUBLIC = PublicKey(bytes(range(32)))
SIGNED = Signature(PUBLIC, bytes(64))
SETUP = {"name": "ours", "url": "s3://bucket/a", "push": True, "endpoint": "http://h:1", "trust": ["1-of-1", "ada"]}
ACTS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Plain(Perform):
    """Carries effects out."""

    def result(self, io: IOResult[object, object]) -> object:  # type: ignore[override]
        return unsafe_perform_io(io)


def seal_of(data: bytes) -> bytes:
    return b"".join(sealed("x", data).pieces())


def parts(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def seal(data: bytes) -> None:
    """The same answer however it comes, and never more than is taken in."""
    answers = [whole(parts(data, size), None, MOST) for size in (len(data) or 1, 7)]
    kept = [each.value_or(None) for each in answers]
    assert kept[0] == kept[1] and (kept[0] is None or len(kept[0]) <= MOST)


def squeezed(data: bytes) -> None:
    """What is compressed by itself, behind a line that is good."""
    seal(b"lightfx zstd 900\n" + data)


def made(number: int = 0) -> tuple[Realization, Config]:
    config = Config('{"args":{},"code":{"of":"m:f","version":"1"},"name":"fit"}')
    dref, key = DRef.of(config.text, "fit"), Digest.of(bytes([number]))
    tree = digest_of([FILE])
    content = content_of(spell_result(Value(number)), tree)
    rref = RRef.of(dref, key=key.text, index=0, content=content.text)
    return Realization(rref, key, 0, content, Value(number), tree), config


FILE = Entry("a.txt", Kind.FILE, Digest.of(b"text").text, 4)


def good_group() -> bytes:
    one, config = made()
    objects = {digest_of([FILE]): (FILE,)}
    packs = {Digest.of(b"text"): (Digest.of(b"text"),)}
    return Group(Freight((), (one,), {one.dref: config}), objects, packs, {one.rref: (SIGNED.tree,)}).spell()


def told(held: dict[str, bytes], texts: list[str], *, lists: bool = True) -> Catalogue:
    """Ask a cache of these names, and judge what it tells."""
    cache = memory_cache(held) if lists else ChannelCache("web", MemoryChannel(held, lists=False))
    catalogue = Catalogue(Partner(cache, Plain()))
    said = catalogue.told_of(texts)
    for policy in (SignedBy([PUBLIC]), Agreed(1, [PUBLIC])):
        assert len(believing(policy, lambda key, message, value: False)(said)) == len(said)
    for each in said:
        assert not {token(text) for text in texts}.isdisjoint(map(token, names_of(each.realization)))
    return catalogue


def cache_group(data: bytes) -> None:
    """A group that a table leads to."""
    read = Group.read(data)
    if isinstance(read, Success):
        group = read.unwrap()
        assert Group.read(group.spell()).unwrap().freight == group.freight
        assert group.packed.keys() <= group.sizes.keys()
    name, one = Digest.of(data), made()[0]
    table = spell_table([Row(name, len(data), (token(one.dref.text),))])
    held = {f"{TABLES}/{Digest.of(table).hex}": seal_of(table), f"{GROUPS}/{name.hex}": seal_of(data)}
    catalogue = told(held, [one.dref.text])
    assert bool(catalogue.partner.refused) == isinstance(read, Failure)


def cache_table(data: bytes) -> None:
    read = read_table(data)
    if isinstance(read, Success):
        assert read_table(spell_table(read.unwrap())).map(set) == Success(set(read.unwrap()))
    catalogue = told({f"{TABLES}/{Digest.of(data).hex}": seal_of(data)}, [made()[0].dref.text])
    assert bool(catalogue.partner.refused) == isinstance(read, Failure)
    assert all(len(rows) <= MOST_ROWS for rows in catalogue.found.values())


def cache_list(data: bytes) -> None:
    read_table_list(data)
    told({TABLE_LIST: seal_of(data)}, [made()[0].dref.text], lists=False)


def settings(data: bytes) -> None:
    """What is read can be kept, and is read again as it was."""
    with tempfile.TemporaryDirectory(prefix="lightfx-fuzz-") as text:
        folder = Path(text)
        (folder / "tmp").mkdir()
        (folder / "format").touch()
        (folder / "caches.json").write_bytes(data)
        read = unsafe_perform_io(read_setups(folder)).value_or(None)
        if read is not None:
            unsafe_perform_io(change_setups(folder, lambda _: read)).unwrap()
            assert unsafe_perform_io(read_setups(folder)).unwrap() == read


def public_key(data: bytes) -> None:
    with suppress(UnicodeDecodeError):
        read = PublicKey.parse(data.decode())
        assert str(read.failure()) if isinstance(read, Failure) else read.unwrap().text == data.decode()


def signatures(data: bytes) -> None:
    """A signature that cannot be read is described in a line."""
    with suppress(ValueError, RecursionError):
        tree = json.loads(data)
        for each in (tree, [tree], [[tree, tree]]):
            one, many = Signature.read(each), read_signatures(each)
            assert not isinstance(one, Failure) or len(str(one.failure())) < 2000
            assert not isinstance(many, Failure) or len(str(many.failure())) < 2000
            assert not isinstance(many, Success) or len(many.unwrap()) <= 64


def deep_signatures(data: bytes) -> None:
    """As deep as a reader gets them: nothing but an answer."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return
    deeper(lambda: Signature.read(tree), 40)
    deeper(lambda: read_signatures([tree]), 40)


def deeper(run: Callable[[], object], frames: int) -> object:
    """A reader stands deeper in the program than who read the text."""
    return deeper(run, frames - 1) if frames else run()


def key_files(data: bytes) -> None:
    """Nothing of a file is ever in a failure."""
    with tempfile.TemporaryDirectory(prefix="lightfx-fuzz-") as text:
        ring = KeyRing(Path(text))
        for name in (f"a{OWN}", f"b{TRUSTED}"):
            (Path(text) / name).write_bytes(data)
            (Path(text) / name).chmod(0o600)
        words = {word for word in re.split(r"[^a-z2-7]", data.decode("ascii", "replace")) if len(word) > 20}
        for io in (ring.load(Name("a")), ring.own(), ring.trusted(), ring.signer(), ring.signer("b")):
            found = unsafe_perform_io(io)
            assert not isinstance(found, Failure) or not any(word in repr(found.failure()) for word in words)


def trust(data: bytes) -> None:
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return
    read = Trust.read(tree)
    if isinstance(read, Success):
        policy = read.unwrap()
        assert Trust.read(policy.tree) == read
        found = policy.among({"ada": PUBLIC, "bob": PublicKey(bytes(32))})
        assert isinstance(found, Success) or len(found.failure()) < 1000
    else:
        assert len(read.failure()) < 1000


def url(data: bytes) -> None:
    """An address is refused, or opened, and what it is shown as does nothing."""
    with suppress(UnicodeDecodeError):
        text = data.decode("utf-8", "surrogatepass")
        for build in (lambda: CacheSetup(text), lambda: CacheSetup("s3://bucket", endpoint=text, name=text[:20])):
            try:
                setup = build()
            except ValueError as error:
                assert not ACTS.search(str(error))
            else:
                assert not ACTS.search(setup.url + setup.endpoint + setup.title)
                assert CacheSetup(setup.url).url == setup.url
                assert "@" not in urlsplit(setup.url).netloc
                opens(setup)


def opens(setup: CacheSetup) -> None:
    match urlsplit(setup.url).scheme:
        case "http" | "https":
            transport = httpx.MockTransport(lambda request: httpx.Response(404))
            channel = WebChannel(setup.url, httpx.Client(transport=transport, trust_env=False))
            with suppress(GoneError, BrokenError), channel.open(TABLE_LIST):
                raise AssertionError("nothing is there")
        case "file":
            fates = unsafe_perform_io(open_cache(setup).fetch([Want("none", 9, lambda pieces: Success(None))])).unwrap()
            assert isinstance(fates["none"], Missing | Failed)
        case _:
            open_cache(setup)


def note(data: bytes) -> None:
    """A note of an object that cannot be read is as none."""
    with tempfile.TemporaryDirectory(prefix="lightfx-fuzz-") as text:
        (Path(text) / "objects" / TREE.hex).mkdir(parents=True)
        (Path(text) / "objects" / TREE.hex / "a.txt").write_bytes(b"text")
        found = Soundness(Path(text), Noted(data)).unsound([TREE])
        assert not found
        (Path(text) / "objects" / TREE.hex / "a.txt").write_bytes(b"other")
        found = Soundness(Path(text), Noted(data)).unsound([TREE])
        assert list(found) == [TREE]


class Noted:
    """Notes that hold one, whatever it is asked."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def noted(self, trees: object, most: int = 0) -> dict[Digest, bytes]:
        return {TREE: self.data}

    def note(self, notes: object) -> None:
        pass

    def damaged(self) -> frozenset[Digest]:
        return frozenset()


TREE = digest_of([FILE])


def encoded(*given: str) -> tuple[bytes, ...]:
    return tuple(each.encode("utf-8", "surrogatepass") for each in given)


def compressed(data: bytes) -> bytes:
    module = zstd()
    return b"" if module is None else module.compress(data)


TEXT = b"light " * 150
LYING = b"lightfx zstd 00\n" + bytes.fromhex("28b52ffd608405010000")  # a fuzzer found it
BOMB = b"lightfx zstd 65537\n" + compressed(bytes(MOST + 1))
SEALS = (seal_of(TEXT), seal_of(b""), seal_of(os.urandom(50)), BOMB, LYING)
ROWS = [Row(Digest.of(bytes([each])), each, (token(made()[0].dref.text), each)) for each in range(3)]
SIGNATURES = json.dumps(signature_tree([SIGNED])).encode()
URLS = encoded(
    *("file:///srv/a%20b", "s3://bucket/a/b", "gs://b", "az://c/d", "http://h:80/x", "https://[::1]/", "http://é.org"),
    *(
        "file:///%00",
        "file:///a%ff",
        "file:////",
        "file://h/../\ud800",
        "http://h:99999",
        "https://u:p@h/?q#f",
        "http://xn--/\n",
        "http://xn--/",
        "http://:/x",
    ),
)
NOTE = b"\0".join((b"", b"folder", b"", b"1 16877 0 5 5", b"a.txt", b"file", FILE.data.encode(), b"2 33188 4 5 5"))
SHARING: dict[str, tuple[Callable[[bytes], object], tuple[bytes, ...]]] = {
    "seal": (seal, SEALS),
    "seal, opened": (squeezed, (compressed(TEXT), compressed(b"") + compressed(TEXT))),
    "cache group": (cache_group, (good_group(), b'{"objects":{}}\n')),
    "cache table": (cache_table, (spell_table(ROWS), b"[]")),
    "cache list": (cache_list, (table_list({f"{TABLES}/{'0' * 64}": 7}), b"{}")),
    "caches.json": (settings, encoded(json.dumps({"version": 1, "caches": [SETUP, {"name": "b", "url": "file:///"}]}))),
    "public key": (public_key, encoded(PUBLIC.text)),
    "signatures": (signatures, (SIGNATURES, b"[]")),
    "deep signatures": (deep_signatures, (SIGNATURES,)),
    "key files": (key_files, encoded(PUBLIC.text, f"{SECRET_TAG}{PUBLIC.text.partition(':')[2]}\n")),
    "trust": (trust, encoded('["2-of-2","ada","bob"]', '["any"]', '["signed"]', json.dumps(["signed", PUBLIC.text]))),
    "cache address": (url, URLS),
    "note of an object": (note, (NOTE, b"!" + NOTE)),
}
