"""Trust: whose results are used, of those that a cache offers. A pure decision.

A *policy* is one of three: `Anyone`; `SignedBy` one of some keys; or `Agreed`:
so many builders, of those named, got the same bytes. `judge` gives a verdict on
each statement that is offered, from the signatures under it. Rules:

1. Signatures of keys that are not named do not count, and are not even
   verified; nor do those count that do not verify. They do no harm either:
   who can write to a cache can add as many as he likes.
2. A key is one voice, however often it signed.
3. Where builders are to agree, the *question* is a derivation, its inputs, the
   number of the output, and whether it is a RIGHT; the *answer* is the content.
   A key that gives two answers to one question has contradicted itself, and
   counts for neither. A LEFT and a RIGHT answer two questions: a build may fail
   today, and succeed tomorrow.
4. Where two answers to one question have enough voices each, neither is used.
   Of records that give an answer, those are used that were signed themselves.
5. What one of `SignedBy` signed is used, several answers too: a stage may have
   many realizations, and it is one builder's word each time.

So more offers, refused or unsigned, never change which bytes are used, and
their order does not count (``property_tests/plan/test_trust.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, assert_never, final

from attrs import frozen

from lightfx.core.names import Digest
from lightfx.core.statement import PublicKey, Question, Signature, Statement, Verify
from lightfx.plan.policies import Agreed, Anyone, Policy, SignedBy


@final
@frozen
class Offer:
    """A statement that a cache holds, and what stands under it."""

    statement: Statement
    signatures: tuple[Signature, ...] = ()


@final
@frozen
class Accepted:
    """It may be used; ``by`` are the trusted keys that signed it."""

    by: frozenset[PublicKey] = frozenset()


@final
@frozen
class Nobody:
    """Nobody at all is trusted."""

    @property
    def reason(self) -> str:
        """One clause for people."""
        return "no key is trusted: `lightfx key trust NAME KEY` changes that"


@final
@frozen
class Unsigned:
    """Nobody signed it."""

    @property
    def reason(self) -> str:
        """One clause for people."""
        return "nobody signed it"


@final
@frozen
class Untrusted:
    """Only keys that are not trusted are named under it."""

    keys: frozenset[PublicKey]

    @property
    def reason(self) -> str:
        """One clause for people.

        >>> Untrusted(frozenset({PublicKey(bytes(32))})).reason
        'it is signed by lightfx-ed25519:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, which is not trusted'
        """
        return f"it is signed by {_listed(self.keys)}, which is not trusted"


@final
@frozen
class Forged:
    """Trusted keys are named under it that did not sign it."""

    keys: frozenset[PublicKey]

    @property
    def reason(self) -> str:
        """One clause for people."""
        return f"it is not what {_listed(self.keys)} signed"


@final
@frozen
class TooFew:
    """Fewer builders than ``wanted`` signed it; those ``contradicting`` signed something else as well."""

    by: frozenset[PublicKey]
    wanted: int
    contradicting: frozenset[PublicKey] = frozenset()

    @property
    def reason(self) -> str:
        """One clause for people.

        >>> TooFew(frozenset(), 2).reason
        '0 builders agree on it, of 2 wanted'
        """
        few = f"{len(self.by)} builders agree on it, of {self.wanted} wanted"
        twice = f"; {_listed(self.contradicting)} signed two different results" if self.contradicting else ""
        return few + twice


@final
@frozen
class Split:
    """Enough builders signed it, and enough signed ``others``."""

    others: frozenset[Digest]

    @property
    def reason(self) -> str:
        """One clause for people."""
        return f"as many builders got something else: {_listed(self.others)}"


Why: TypeAlias = Nobody | Unsigned | Untrusted | Forged | TooFew | Split


@final
@frozen
class Refused:
    """It is not used."""

    why: Why


def _listed(named: Iterable[PublicKey] | Iterable[Digest]) -> str:
    return ", ".join(sorted(each.text for each in named))


Verdict: TypeAlias = Accepted | Refused


@final
@frozen
class _Heard:
    """What is under one statement: who signed it, who only seems to, who does not count."""

    by: frozenset[PublicKey]
    forged: frozenset[PublicKey]
    strange: frozenset[PublicKey]

    def why_not(self) -> Unsigned | Untrusted | Forged:
        """Why it has no voice at all."""
        if self.forged:
            return Forged(self.forged)
        return Untrusted(self.strange) if self.strange else Unsigned()


def judge(policy: Policy, offers: Iterable[Offer], verify: Verify) -> Mapping[Statement, Verdict]:
    """Give a verdict on each statement that is offered.

    Builders' agreement is counted among these offers, so give all that there
    are of a derivation at once. ``verify`` is asked about keys that the policy
    names, and about no others.

    >>> from lightfx.core.refs import DRef
    >>> said = Statement(DRef("a" * 32 + "-plan"), "blake3:1", 0, Digest("blake3:2"), "right", Digest("blake3:3"))
    >>> mine, forged = PublicKey(bytes(32)), Signature(PublicKey(bytes(32)), bytes(64))
    >>> judge(SignedBy([mine]), [Offer(said, (forged,))], lambda key, message, value: True)[said] == Accepted({mine})
    True
    >>> judge(SignedBy([mine]), [Offer(said)], lambda key, message, value: True)[said]
    Refused(why=Unsigned())
    """
    gathered: dict[Statement, set[Signature]] = {}
    for offer in offers:
        gathered.setdefault(offer.statement, set()).update(offer.signatures)
    match policy:
        case Anyone():
            return {statement: Accepted() for statement in gathered}
        case SignedBy(keys) if not keys:
            return {statement: Refused(Nobody()) for statement in gathered}
        case SignedBy(keys):
            heard = {each: _heard(each, signatures, keys, verify) for each, signatures in gathered.items()}
            return {each: Accepted(said.by) if said.by else Refused(said.why_not()) for each, said in heard.items()}
        case Agreed(count, keys):
            heard = {each: _heard(each, signatures, keys, verify) for each, signatures in gathered.items()}
            return _counted(heard, count)
        case never:
            assert_never(never)


def _heard(statement: Statement, signatures: Iterable[Signature], keys: frozenset[PublicKey], verify: Verify) -> _Heard:
    message = statement.canonical()
    known = [each for each in signatures if each.key in keys]
    by = frozenset(each.key for each in known if verify(each.key, message, each.value))
    named = frozenset(each.key for each in signatures)
    return _Heard(by, (named & keys) - by, named - keys)


def _counted(heard: Mapping[Statement, _Heard], count: int) -> Mapping[Statement, Verdict]:
    asked: dict[Question, list[Statement]] = {}
    for each in heard:
        asked.setdefault(each.question, []).append(each)
    verdicts: dict[Statement, Verdict] = {}
    for statements in asked.values():
        verdicts.update(_settled(statements, heard, count))
    return verdicts


def _settled(
    statements: Sequence[Statement], heard: Mapping[Statement, _Heard], count: int
) -> Mapping[Statement, Verdict]:
    """Count the voices for each answer to one question."""
    voices: dict[tuple[Digest, str], frozenset[PublicKey]] = {}
    for each in statements:
        voices[each.answer] = voices.get(each.answer, frozenset()) | heard[each].by
    answers = Counter(key for by in voices.values() for key in by)
    contradicting = frozenset(key for key, given in answers.items() if given > 1)
    enough = {answer for answer, by in voices.items() if len(by - contradicting) >= count}
    verdicts: dict[Statement, Verdict] = {}
    for each in statements:
        by = voices[each.answer]
        if not heard[each].by:
            verdicts[each] = Refused(heard[each].why_not())
        elif each.answer not in enough or not heard[each].by - contradicting:
            verdicts[each] = Refused(TooFew(by - contradicting, count, by & contradicting))
        elif len(enough) > 1:
            verdicts[each] = Refused(Split(frozenset(content for content, _ in enough - {each.answer})))
        else:
            verdicts[each] = Accepted(by - contradicting)
    return verdicts
