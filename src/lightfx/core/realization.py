"""What is stored of one outcome, and what passes between engine and realizer.

A `Realization` is an immutable record: which derivation, under which input
key, what came out, on what it stands, who made it, and at what cost. Its
*content* digest covers the value and the files, and nothing of times, owners
or machines: what dependents may see, and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Final, Self, TypeAlias, final

from attrs import evolve, field, frozen

from lightfx.core.canonical import Tree, spell_checked
from lightfx.core.config import Config, Reference, Take
from lightfx.core.names import Digest
from lightfx.core.outcome import Cause, Left
from lightfx.core.refs import DRef, RRef
from lightfx.core.secrets import Secret, Veil

INLINE_LOG: Final = 8192
LOG_NAME: Final = "log.txt"
_NO_SECRETS: Final = Veil()


@final
@frozen
class Value:
    """The stored form of a success: a tree, by the stage's return annotation."""

    tree: Tree
    kind: ClassVar[str] = "right"


Result: TypeAlias = Value | Cause


@final
@frozen
class Context:
    """For one realization: which realizations each of its references was resolved to.

    >>> Context(()).entries
    ()
    """

    entries: tuple[tuple[Reference, tuple[RRef, ...]], ...]


@final
@frozen
class Log:
    """The output of an attempt: its end as text, and the whole as an object where that is longer."""

    tail: str
    whole: Digest | None = None


@final
@frozen
class MadeBy:
    """Who made a realization, with what.

    ``python`` is a version, ``packages`` maps the top-level packages that the
    stage's module imports to versions, ``commit`` is the git commit of the
    module's checkout (ending in ``+`` when the work tree differed), or "".
    ``stage`` is where the stage is found: ``module:name``.
    """

    host: str = ""
    user: str = ""
    python: str = ""
    packages: tuple[tuple[str, str], ...] = ()
    commit: str = ""
    stage: str = ""


@final
@frozen
class Cost:
    """What an attempt took: ``seconds`` of wall time, ``peak_memory`` in bytes.

    The peak is that of the process that ran the attempt: in a worker, of this
    attempt alone where the system can tell; inline, the caller's own memory
    counts too.
    """

    seconds: float = 0.0
    peak_memory: int = 0


@final
@frozen
class Attempt:
    """An attempt that failed and was followed by another: the kind of its LEFT, why, what it took, its log."""

    kind: str
    reason: str
    cost: Cost = Cost()
    log: Log | None = None


Asked: TypeAlias = tuple[tuple[Reference, tuple[Digest, ...]], ...]


@final
@frozen
class Selection:
    """What a matcher that takes a function selected: nobody but the program could ask it again.

    ``matcher`` is its spelling; ``candidates`` a digest of those realizations of
    ``dref`` that it was shown; ``chosen`` are the ones it chose.
    """

    dref: DRef
    matcher: str
    candidates: Digest
    chosen: tuple[RRef, ...]


@final
@frozen
class Realization:
    """One stored outcome of a derivation.

    ``key`` covers the inputs that the config names. ``asked`` holds those that
    the stage asked for as it ran, each with the contents that it got; it stands
    only where these are the same again. ``created`` is seconds since the epoch;
    ``attempt`` counts from 1, and ``earlier`` holds those before it; ``like``
    names the realization that a cutoff hit points at. Of an ``ephemeral`` one
    the files may be gone, and it stands all the same. ``selections`` say what
    was selected, by matchers that take a function, of what it asked for and of
    what that stands on; they are no part of its name.
    """

    rref: RRef
    key: Digest
    index: int
    content: Digest
    result: Result
    tree: Digest | None = None
    context: Context = Context(())
    created: float = 0.0
    made_by: MadeBy = MadeBy()
    cost: Cost = Cost()
    attempt: int = 1
    log: Log | None = None
    like: RRef | None = None
    asked: Asked = ()
    earlier: tuple[Attempt, ...] = ()
    ephemeral: bool = False
    selections: tuple[Selection, ...] = ()

    @property
    def dref(self) -> DRef:
        """The derivation that this is a realization of."""
        return self.rref.dref

    @property
    def precedence(self) -> tuple[bool, bool, float]:
        """Of several records of one realization the one with the least counts.

        One whose files stay before one whose files may go; one that says what
        was selected before one that does not, and of these the last; else the
        one that was made first.
        """
        selects = bool(self.selections)
        return self.ephemeral, not selects, -self.created if selects else self.created

    def retold(self, dref: DRef, context: Context, created: float) -> Self:
        """Point at this realization from a derivation with the same input key: a cutoff hit."""
        return evolve(
            self,
            rref=RRef.of(dref, key=key_with(self.key, self.asked), index=self.index, content=self.content.text),
            context=context,
            created=created,
            cost=Cost(),
            log=None,
            like=self.like or self.rref,
            attempt=1,
            earlier=(),
        )


def key_with(key: Digest, asked: Asked) -> str:
    """Spell all that went in: the inputs that the config names, and those that were asked for.

    >>> key_with(Digest("blake3:1"), ())
    'blake3:1'
    """
    if not asked:
        return key.text
    spelled: Tree = [[ref.tree, [each.text for each in contents]] for ref, contents in asked]
    return Digest.of(f"{key.text}\n{spell_checked(spelled)}".encode()).text


def content_of(spelled: str, tree: Digest | None) -> Digest:
    """Digest what a dependent can see of a realization: its result's spelling and its files.

    >>> content_of("1", None) == content_of("1.0", None)
    False
    """
    return Digest.of(f"{tree.text if tree else '-'}\n{spelled}".encode())


@final
@frozen
class Stored:
    """A realization as the store lists it: what planning asks, without what it holds.

    >>> Stored(RRef("a-b-c"), Digest("k"), 0, Digest("c"), "right", 0.0).is_right
    True
    """

    rref: RRef
    key: Digest
    index: int
    content: Digest
    kind: str
    created: float
    tree: Digest | None = None
    asks: bool = False
    ephemeral: bool = False
    selects: bool = False

    @property
    def is_right(self) -> bool:
        """Tell a RIGHT from every kind of LEFT."""
        return self.kind == "right"

    @classmethod
    def of(cls, realization: Realization) -> Self:
        """List ``realization``."""
        return cls(
            realization.rref,
            realization.key,
            realization.index,
            realization.content,
            realization.result.kind,
            realization.created,
            realization.tree,
            bool(realization.asked),
            realization.ephemeral,
            bool(realization.selections),
        )


@final
@frozen
class Given:
    """One chosen realization of a dependency, as a realizer receives it."""

    rref: RRef
    result: Result
    folder: Path | None
    log: str = ""


@final
@frozen
class Input:
    """What one reference of the config was resolved to; ``type`` is what its values are read by."""

    type: object
    take: Take
    tolerate: bool
    given: tuple[Given, ...]


def tell_nobody(done: float, total: float) -> None:
    """Take in how far a stage is, and let nobody know."""


@final
@frozen
class BuildOrder:
    """What a realizer is asked for: outputs ``indices`` of ``dref``, made in the private folder ``place``.

    ``place`` need not exist yet: who writes makes it. ``inputs`` holds one
    entry for each reference in the config, and for each need that was asked
    for; ``asked`` are the latter, which may be among the former too. ``tell``
    takes in how far it is: what is done, of how much in all (0
    where that is not known). ``args`` is what this run says to it: no part of
    any key or record. ``veil`` holds the values of the secrets that the config
    names, in the process where it is carried out, and there alone.
    """

    dref: DRef
    config: Config
    key: Digest
    indices: tuple[int, ...]
    place: Path
    inputs: Mapping[Reference, Input]
    tell: Callable[[float, float], None] = field(default=tell_nobody, eq=False, repr=False)
    asked: frozenset[Reference] = frozenset()
    args: Mapping[str, object] = field(factory=dict[str, object], eq=False, repr=False)
    veil: Veil = field(default=_NO_SECRETS, eq=False, repr=False)

    def reveal(self, secret: Secret) -> str:
        """Give the value of a secret that the config names.

        Raises `UndeclaredSecretError` for another, and OSError where it cannot be
        read.
        """
        return self.veil.value(secret)

    def folder(self, index: int) -> Path:
        """The folder for the files of one output."""
        return self.place / f"out-{index}"


@final
@frozen
class Output:
    """One output of a realizer: its value's tree, and its folder if it wrote one."""

    tree: Tree
    folder: Path | None = None

    @property
    def spelled(self) -> str:
        """The canonical spelling of the value."""
        return spell_checked(self.tree)


Outputs: TypeAlias = tuple[Output | Left, ...]
