"""``lightfx cache``, ``lightfx push`` and ``lightfx pull``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, final

from attrs import evolve, frozen
from returns.result import Failure

from lightfx import moving
from lightfx.caches import CacheSetup, Sharing, Trust, configured
from lightfx.cli.collecting import ref_of
from lightfx.cli.complaints import Exit, misuse
from lightfx.cli.keyring import ring
from lightfx.cli.notes import warn
from lightfx.cli.opening import open_to_read, store_path
from lightfx.cli.page import Answer, Page, document
from lightfx.cli.words import counted
from lightfx.core.failures import CacheTrouble, EngineError, NotStored, sentence
from lightfx.core.inventory import Ref, parse_ref
from lightfx.core.refs import RRef
from lightfx.core.statement import PublicKey
from lightfx.effects.world import World
from lightfx.moving import Traffic
from lightfx.plan.sharing import VERSION
from lightfx.shell.cache.catalogue import Catalogue
from lightfx.shell.cache.opening import open_cache, probe, try_to_write
from lightfx.shell.cache.partner import Partner
from lightfx.shell.cache.settings import change_setups
from lightfx.wiring import open_world, unwrap

SHOWN: Final = 10


@final
@frozen
class Wanted:
    """A cache as it was asked for."""

    name: str
    url: str
    push: bool
    endpoint: str
    region: str
    lefts: bool
    tolerated: bool
    trust: str
    keys: tuple[str, ...]
    sign: str

    @property
    def setup(self) -> CacheSetup:
        """What is kept of it; complains where it cannot be one."""
        sharing = Sharing("replayable" if self.lefts else "none", self.tolerated)
        try:
            if not self.name:
                raise ValueError("a cache has a name")
            trust = Trust(self.trust, self.keys)
            url = _address(self.url)
            return CacheSetup(url, self.name, self.push, sharing, trust, self.sign, self.endpoint, self.region)
        except ValueError as error:
            raise misuse(str(error)) from None


def _address(text: str) -> str:
    """An address as it was given, or that of a folder."""
    if "://" in text:
        return text
    if not text:
        raise ValueError("a cache has an address, or is a folder")
    try:
        return Path(text).absolute().as_uri()
    except UnicodeEncodeError:
        raise ValueError(f"{text[:200]!r} is no name of a folder") from None


def list_caches(store: str | None, *, json: bool) -> Answer:
    """List the caches of a store."""
    setups = _known(store)
    if json:
        return document([_facts(each) for each in setups])
    page = Page()
    if setups:
        page.table(("name", "url", "runs", "LEFTs", "trust"), [_row(each) for each in setups])
    return page.answer()


def _row(setup: CacheSetup) -> tuple[str, str, str, str, str]:
    runs = "ask and push" if setup.pushes else "ask"
    return (setup.name, setup.url, runs, setup.sharing.lefts, _trusting(setup.trust))


def _trusting(trust: Trust) -> str:
    named = " ".join((trust.policy, *trust.keys))
    return "signed by any key that is trusted" if trust == Trust() else named


def _facts(setup: CacheSetup) -> dict[str, object]:
    return {
        "name": setup.name,
        "url": setup.url,
        "push": setup.pushes,
        "endpoint": setup.endpoint,
        "region": setup.region,
        "lefts": setup.sharing.lefts,
        "tolerated": setup.sharing.tolerated,
        "creates": setup.creates,
        "drops": setup.drops,
        "trust": setup.trust.policy,
        "keys": list(setup.trust.keys),
        "sign": setup.key,
    }


def add(store: str | None, wanted: Wanted, *, create: bool, json: bool) -> Answer:
    """Note a cache, and what it can do."""
    path, setup = store_path(store), wanted.setup
    if setup.push and setup.read_only:
        raise misuse(f"{setup.url} is read only", "leave --push out: what is served there is pushed another way")
    known = unwrap(configured(path))
    _with(known, setup)
    used = _used(setup, unwrap(ring().trusted()), unwrap(ring().own()))
    with open_world(path, create=create) as world:  # what is no store, or one of another format, is complained about
        setup = probe(setup)
        unwrap(change_setups(path, lambda setups: _with(setups, setup)))  # others may have come meanwhile
        partner = Partner(open_cache(setup), world.perform)
        Catalogue(partner).refresh()
        if setup.push and partner.trouble is None:
            try_to_write(partner, drops=setup.drops)
        world.perform.result(partner.cache.close())
    if partner.trouble is not None:
        warn(f"{sentence(partner.trouble)}; it is noted all the same")
    if json:
        return document(_facts(setup))
    page = Page().line(f"{setup.name}: {setup.url}")
    page.line(f"runs {'ask it, and push what they make' if setup.push else 'ask it'}")
    return page.line(used).answer()


def _with(known: Sequence[CacheSetup], setup: CacheSetup) -> Sequence[CacheSetup]:
    """Add it, or put it in the place of one that differs in nothing but what was found out about the server."""
    same = [each for each in known if each.name == setup.name]
    if same and evolve(same[0], creates=setup.creates, drops=setup.drops) != setup:
        hint = f"`lightfx cache rm {setup.name}` removes it"
        raise misuse(f"there is a cache {setup.name!r} already, with other settings", hint)
    others = [each for each in known if each.name != setup.name]
    return (*others, setup)


def _used(setup: CacheSetup, trusted: Mapping[str, PublicKey], own: Mapping[str, PublicKey]) -> str:
    """Say whose results are used, and what is missing for it."""
    if setup.push and setup.key and setup.key not in own:
        return f"it is not asked yet, since you have no key {setup.key!r} to sign with: `lightfx key new {setup.key}`"
    if setup.trust.policy == "any":
        return "whatever is there is used, whoever put it there"
    policy = setup.trust.among(trusted)
    unsigned = "; what you push is not signed: `lightfx key new`" if setup.push and not own else ""
    if isinstance(policy, Failure):
        return f"nothing of it is used yet: {policy.failure()}: `lightfx key trust NAME KEY`{unsigned}"
    if not trusted:
        hint = "`lightfx key trust NAME KEY`, or --trust any"
        return f"nothing of it is used yet, since no key is trusted: {hint}{unsigned}"
    return f"what is used of it: {_trusting(setup.trust)}{unsigned}"


def remove(store: str | None, name: str, *, json: bool) -> Answer:
    """Forget a cache."""
    path, known = store_path(store), _known(store)
    if all(each.name != name for each in known):
        raise misuse(f"there is no cache {name[:80]!r}", "`lightfx cache list` lists them")
    unwrap(change_setups(path, lambda setups: [each for each in setups if each.name != name]))
    return document({"removed": name}) if json else Page().line(f"{name}: asked no more").answer()


def push(store: str | None, texts: Sequence[str], to: str, *, json: bool) -> Answer:
    """Bring realizations to caches."""
    setups = [each for each in _chosen(store, to) if to or not each.read_only]
    if not setups:
        raise misuse("no cache of this store takes anything", "`lightfx cache add NAME URL` adds one")
    with open_to_read(store) as world:
        refs = [ref_of(world, text) for text in texts]
        traffic = [unwrap(moving.push(world, refs, each)) for each in setups]
    said = _said("to", traffic, json=json)
    # What is wrong with something there was brought again; of what is wrong here nothing was.
    here = any(not refusal.what.startswith(f"{VERSION}/") for each in traffic for refusal in each.refused)
    return evolve(said, code=Exit.LEFT) if here else said


def pull(store: str | None, texts: Sequence[str], origin: str, *, json: bool) -> Answer:
    """Take realizations from caches: each from the first that has it."""
    setups = _chosen(store, origin)
    if not setups:
        raise misuse("this store has no cache", "`lightfx cache add NAME URL` adds one")
    with open_to_read(store) as world:
        refs = [_whole(world, text) for text in texts]
        return _said("from", _pulled(world, refs, setups), json=json)


def _pulled(world: World, refs: Sequence[Ref], setups: Sequence[CacheSetup]) -> list[Traffic]:
    """Ask one cache after the other until all is here; of trouble with one it is told, and the next is asked."""
    first: CacheTrouble | NotStored | None = None
    traffic: list[Traffic] = []
    for setup in setups:
        pulled = world.perform.result(moving.pull(world, refs, setup))
        if not isinstance(pulled, Failure):
            traffic.append(pulled.unwrap())
            if not traffic[-1].lacking:
                return traffic
            continue
        failure = pulled.failure()
        if not isinstance(failure, CacheTrouble | NotStored):
            raise EngineError(failure)
        if isinstance(failure, CacheTrouble) and len(setups) > 1:
            warn(sentence(failure))
        first = first or failure
    if first is not None and not traffic:
        raise EngineError(first)
    return traffic


def _whole(world: World, text: str) -> Ref:
    whole = parse_ref(text)
    if whole is None and not unwrap(world.store.names(text, 1)):
        hint = "of what a cache alone has give the whole reference, as `lightfx show` prints it where it is stored"
        raise misuse(f"nothing is stored here under {text[:80]!r}", hint)
    return ref_of(world, text) if whole is None else whole


def _known(store: str | None) -> Sequence[CacheSetup]:
    """The caches of a store that is there: where none are, it may be no store at all."""
    setups = unwrap(configured(store_path(store)))
    if not setups:
        with open_to_read(store):
            pass
    return setups


def _chosen(store: str | None, name: str) -> list[CacheSetup]:
    setups = _known(store)
    chosen = [each for each in setups if name in ("", each.name)]
    if name and not chosen:
        raise misuse(f"there is no cache {name[:80]!r}", "`lightfx cache list` lists them")
    return chosen


def _said(way: str, traffic: Sequence[Traffic], *, json: bool) -> Answer:
    for each in traffic:
        for refusal in each.refused[:SHOWN]:
            warn(f"the cache {each.cache}: {refusal.what} is not used: {refusal.why}")
        if len(each.refused) > SHOWN:
            warn(f"the cache {each.cache}: {len(each.refused) - SHOWN:,} more are not used: --json lists them")
    if traffic and (lacking := traffic[-1].lacking):
        warn(f"not all is here: {_named(lacking)} came from no cache with all files")
    if json:
        return document(
            [
                {
                    "cache": each.cache,
                    "realizations": [rref.text for rref in each.rrefs],
                    "refused": [{"what": refusal.what, "why": refusal.why} for refusal in each.refused],
                    "lacking": [rref.text for rref in each.lacking],
                }
                for each in traffic
            ]
        )
    page = Page()
    for each in traffic:
        page.line(f"{counted(len(each.rrefs), 'realization')} {way} the cache {each.cache}")
    return page.answer()


def _named(lacking: Sequence[RRef]) -> str:
    more = f" and {len(lacking) - SHOWN:,} more" if len(lacking) > SHOWN else ""
    return ", ".join(rref.text for rref in lacking[:SHOWN]) + more
