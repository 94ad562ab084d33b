"""What an archive of realizations says of itself, and whether that can be believed. Pure.

An archive begins with a *packing list*, which names the files of every object,
and with the records. From then on nothing is taken on trust: an object is named
by its list, a file by its digest, a realization by what it holds and a
derivation by its config; what stands on something comes with it. What cannot be
judged is whether the results are true: take archives from those whose results
you would take.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Self, final

from attrs import field, frozen
from returns.result import Failure, Result, Success

from lightfx.core.canonical import Tree, is_deep
from lightfx.core.config import Config
from lightfx.core.derivation import Parts
from lightfx.core.inventory import Item, Ref, parse_ref
from lightfx.core.manifest import Entry, Kind, Manifest, digest_of, stays_inside
from lightfx.core.names import Digest
from lightfx.core.realization import Realization, content_of, key_with
from lightfx.core.records import read_realization, result_tree, spell_realization, spell_result
from lightfx.core.refs import DRef, RRef
from lightfx.plan.wellformed import is_well_formed, read_code, spell_code

FORMAT: Final = "lightfx-pack"
VERSION: Final = 1


@final
@frozen
class Freight:
    """Realizations that are moved together, with all that they stand on; ``trees`` are their objects."""

    refs: tuple[Ref, ...]
    realizations: tuple[Realization, ...]
    configs: Mapping[DRef, Config]
    codes: Mapping[str, Parts] = field(factory=dict)

    @property
    def trees(self) -> Mapping[Digest, bool]:
        """Their objects, and whether each must be there: files of ephemeral realizations alone may be gone."""
        trees: dict[Digest, bool] = {}
        for each in self.realizations:
            for tree in Item.of(each).trees:
                trees[tree] = trees.get(tree, False) or not (each.ephemeral and tree == each.tree)
        return trees

    def parts_of(self, config: Config) -> Parts:
        """What the code of a config consists of, where that is known."""
        return self.codes.get(config.fingerprint, ())

    def lines(self) -> str:
        """Spell all records."""
        codes = (spell_code(each, parts) for each, parts in sorted(self.codes.items()))
        configs = (
            f'{{"config":{config.text},"derivation":"{dref.text}"}}' for dref, config in sorted(self.configs.items())
        )
        made = (spell_realization(each) for each in self.realizations)
        return "".join(f"{line}\n" for line in (*codes, *configs, *made))


@final
@frozen
class PackingList:
    """What is in an archive: which references were asked for, and the manifests of its objects."""

    refs: tuple[Ref, ...]
    objects: Mapping[Digest, Manifest]

    @property
    def size(self) -> int:
        """The bytes that all objects take."""
        return sum(entry.size for manifest in self.objects.values() for entry in manifest)

    @property
    def files(self) -> Mapping[Digest, int]:
        """Each file once, with its size, in the order in which they come."""
        entries = (entry for manifest in self.objects.values() for entry in manifest if entry.kind is Kind.FILE)
        return {Digest(entry.data): entry.size for entry in entries}

    def spell(self) -> str:
        """Spell it as the first member of an archive."""
        objects: dict[str, Tree] = {
            tree.text: [entry.tree for entry in manifest] for tree, manifest in self.objects.items()
        }
        refs: list[Tree] = [ref.text for ref in self.refs]
        return json.dumps({"format": FORMAT, "version": VERSION, "refs": refs, "objects": objects}) + "\n"

    @classmethod
    def read(cls, text: str) -> Result[Self, str]:
        """Read it, or say what is wrong with it.

        >>> PackingList.read("{}").failure()
        'it is no archive of lightfx'
        """
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict) or fields.get("format") != FORMAT:
            return Failure("it is no archive of lightfx")
        if fields.get("version") != VERSION:
            return Failure(f"it has version {fields.get('version')!r}, and this lightfx reads {VERSION}")
        try:
            refs = tuple(map(_ref, fields["refs"]))
        except (ValueError, TypeError, LookupError):
            return Failure("its packing list cannot be read")
        return read_objects(fields.get("objects")).map(lambda objects: cls(refs, objects))


def read_objects(fields: object) -> Result[Mapping[Digest, Manifest], str]:
    """Read manifests by the digests of their objects, and judge them, or say what is wrong.

    >>> read_objects({"blake3:00": []}).failure()
    'its packing list cannot be read'
    """
    if not isinstance(fields, dict):
        return Failure("its packing list cannot be read")
    try:
        objects = {_digest(name): tuple(map(_entry, rows)) for name, rows in fields.items()}
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return Failure("its packing list cannot be read")
    wrong = next((why for tree, rows in objects.items() if (why := _wrong_with(tree, rows))), "")
    sizes = _sizes_agree(objects.values())
    if wrong or not sizes:
        return Failure(wrong or "one file has two sizes in it")
    return Success(objects)


def _ref(text: object) -> Ref:
    ref = parse_ref(text) if isinstance(text, str) else None
    if ref is None:
        raise ValueError(text)
    return ref


def _digest(text: object) -> Digest:
    digest = Digest.parse(text).value_or(None) if isinstance(text, str) else None
    if digest is None:
        raise ValueError(text)
    return digest


def _entry(row: Sequence[object]) -> Entry:
    path, kind, data, size, executable = row
    sound = isinstance(path, str) and isinstance(data, str) and type(size) is int and type(executable) is bool
    if not (sound and isinstance(path, str) and isinstance(data, str) and isinstance(size, int)):
        raise TypeError(row)
    for each in (path, data):
        each.encode("utf-8", "surrogateescape")  # what is no name of any file is a ValueError
    return Entry(path, Kind(kind), data, size, executable is True)


def _wrong_with(tree: Digest, manifest: Manifest) -> str:
    """Say what is wrong with an object: paths that lead out, that come twice, or through what is no folder."""
    folders = {entry.path for entry in manifest if entry.kind is Kind.FOLDER} | {""}
    if len({entry.path for entry in manifest}) != len(manifest):
        return f"the object {tree} has two entries of one path"
    for entry in manifest:
        steps = entry.path.split("/")
        if not all(steps) or "\0" in entry.path or {".", ".."} & set(steps):
            return f"the path {entry.path!r} is not one within an object"
        if entry.path.rpartition("/")[0] not in folders:
            return f"the path {entry.path!r} leads through what is no folder"
        if entry.kind is Kind.LINK and ("\0" in entry.data or not stays_inside(entry.path, entry.data)):
            return f"the link {entry.path!r} leads out of its object"
        if entry.kind is Kind.FILE and (entry.size < 0 or Digest.parse(entry.data).value_or(None) is None):
            return f"the file {entry.path!r} has no digest, or no size"
        if entry.kind is not Kind.FILE and (entry.size or entry.executable):
            return f"{entry.path!r} is no file, and has a size"
    return "" if digest_of(manifest) == tree else f"the object {tree} is not what it is named by"


def _sizes_agree(manifests: Iterable[Manifest]) -> bool:
    sizes: dict[str, int] = {}
    files = (entry for manifest in manifests for entry in manifest if entry.kind is Kind.FILE)
    return all(sizes.setdefault(entry.data, entry.size) == entry.size for entry in files)


def read_freight(packing: PackingList, text: str) -> Result[Freight, str]:
    """Read the records of an archive and judge them, with all that they stand on, or say what is wrong."""
    return read_records(packing, text).bind(_complete)


def read_records(packing: PackingList, text: str) -> Result[Freight, str]:
    """Read records and judge them, each with its config and its files, or say what is wrong."""
    realizations: dict[RRef, Realization] = {}
    configs: dict[DRef, Config] = {}
    codes: dict[str, Parts] = {}
    for line in text.removesuffix("\n").split("\n") if text else ():  # a value may hold other ends of lines
        wrong = _read(line, realizations, configs, codes)
        if wrong:
            return Failure(wrong)
    freight = Freight(packing.refs, tuple(realizations.values()), configs, codes)
    lacking = _lacking(freight, packing)
    return Failure(lacking) if lacking else Success(freight)


def _read(
    line: str, realizations: dict[RRef, Realization], configs: dict[DRef, Config], codes: dict[str, Parts]
) -> str:
    if line.startswith('{"code":'):
        return _read_code(line, codes)
    return _read_config(line, configs) if line.startswith('{"config":') else _read_realization(line, realizations)


def read_line(line: str) -> Result[Realization | DRef | str, str]:
    """Read one line of a group, and judge it by what it is named by; or say what is wrong.

    Gives what it is about: a realization, a derivation, or the fingerprint of a
    code, which nothing names.

    >>> read_line('{"code":"1","parts":[]}').unwrap(), read_line('{"config":{},"derivation":"x"}').failure()
    ('1', 'a line of its records cannot be read')
    """
    realizations: dict[RRef, Realization] = {}
    configs: dict[DRef, Config] = {}
    codes: dict[str, Parts] = {}
    wrong = _read(line, realizations, configs, codes)
    if wrong:
        return Failure(wrong)
    found: tuple[Realization | DRef | str, ...] = (*realizations.values(), *configs, *codes)
    return Success(found[0])


def _read_code(line: str, codes: dict[str, Parts]) -> str:
    read = read_code(line)
    if read is None:
        return "a line of its records cannot be read"
    codes[read[0]] = read[1]
    return ""


def _read_config(line: str, configs: dict[DRef, Config]) -> str:
    text, comma, end = line[len('{"config":') :].rpartition(',"derivation":"')
    dref = DRef.parse(end.removesuffix('"}')).value_or(None)
    config = Config.parse(text).value_or(None)
    if not comma or not end.endswith('"}') or dref is None or config is None:
        return "a line of its records cannot be read"
    if config.tree.get("name") != dref.name.text or DRef.of(config.text, dref.name.text) != dref:
        return f"the derivation {dref} is not what it is named by"
    configs[dref] = config
    return ""


def _read_realization(line: str, realizations: dict[RRef, Realization]) -> str:
    made = read_realization(line).value_or(None)
    # Any other spelling of a record could hold what was not read.
    if made is None or is_deep(result_tree(made.result)) or _spelled(made) != line or not is_well_formed(made):
        return "a line of its records cannot be read"
    content = content_of(spell_result(made.result), made.tree)
    named = RRef.of(made.dref, key=key_with(made.key, made.asked), index=made.index, content=content.text)
    if made.content != content or made.rref != named:
        return f"the realization {made.rref} is not what it is named by"
    realizations[made.rref] = made
    return ""


def _spelled(made: Realization) -> str:
    try:
        return spell_realization(made)
    except (ValueError, TypeError, RecursionError):
        return ""


def _complete(freight: Freight) -> Result[Freight, str]:
    """Refuse what stands on something that is missing."""
    known = {each.rref for each in freight.realizations}
    for each in freight.realizations:
        missing = next((need for need in Item.of(each).needs if need not in known), None)
        if missing is not None:
            return Failure(f"{each.rref} stands on {missing}, which is missing")
    return Success(freight)


def _lacking(freight: Freight, packing: PackingList) -> str:
    """Say what is missing: a config, or files."""
    known = {each.rref for each in freight.realizations}
    for each in freight.realizations:
        if each.dref not in freight.configs:
            return f"the config of {each.dref} is missing"
    drefs = {rref.dref for rref in known}
    absent = next((ref for ref in freight.refs if ref not in known and ref not in drefs), None)
    if absent is not None:
        return f"{absent} is missing"
    gone = next((tree for tree, needed in freight.trees.items() if needed and tree not in packing.objects), None)
    return "" if gone is None else f"the object {gone} is missing"
