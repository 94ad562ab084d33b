"""The laws of trust: what is refused changes nothing, order does not count, k voices are k keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lightfx.core.names import Digest
from lightfx.core.refs import DRef
from lightfx.core.statement import PublicKey, Signature, Statement, Verify
from lightfx.plan import trust
from lightfx.plan.policies import Agreed, Anyone, Policy, SignedBy, Trust
from lightfx.plan.trust import Accepted, Offer, Refused, Verdict

KEYS = [PublicKey(bytes([number] * 32)) for number in range(4)]
Judge = Callable[[Policy, Iterable[Offer], Verify], Mapping[Statement, Verdict]]


def signed(key: PublicKey, message: bytes) -> bytes:
    """A toy of a signature: it names the key and what was signed."""
    return (key.data[:4] + message).ljust(64)


def verify(key: PublicKey, message: bytes, value: bytes) -> bool:
    return value == signed(key, message)


STATEMENTS = st.builds(
    Statement,
    st.sampled_from([DRef("a" * 32 + "-plan"), DRef("b" * 32 + "-plan")]),
    st.sampled_from(["blake3:1", "blake3:2"]),
    st.integers(0, 1),
    st.sampled_from([Digest("blake3:3"), Digest("blake3:4"), Digest("blake3:5")]),
    st.sampled_from(["right", "right", "died", "raised"]),
    st.sampled_from([Digest("blake3:6"), Digest("blake3:7")]),
)


@st.composite
def offers(draw: st.DrawFn, keys: Sequence[PublicKey] = tuple(KEYS)) -> Offer:
    """A statement with true signatures under it, and with some that are none."""
    said = draw(STATEMENTS)
    by = draw(st.lists(st.sampled_from(keys), max_size=4)) if keys else []
    forged = draw(st.lists(st.sampled_from(KEYS), max_size=2))
    wrong = bytes(64)
    true = [Signature(key, signed(key, said.canonical())) for key in by]
    return Offer(said, (*true, *(Signature(key, wrong) for key in forged)))


POLICIES: st.SearchStrategy[Policy] = st.one_of(
    st.just(Anyone()),
    st.builds(SignedBy, st.sets(st.sampled_from(KEYS[:3]), min_size=1)),
    st.sets(st.sampled_from(KEYS[:3]), min_size=1).flatmap(
        lambda keys: st.builds(Agreed, st.integers(1, len(keys)), st.just(keys))
    ),
)
MANY = st.lists(offers(), max_size=5)


def accepted(verdicts: Mapping[Statement, Verdict]) -> frozenset[Statement]:
    return frozenset(each for each, verdict in verdicts.items() if isinstance(verdict, Accepted))


def voices(policy: Policy, made: Sequence[Offer], said: Statement) -> frozenset[PublicKey]:
    """Who signed it truly, of those who are named: told apart from how the judge finds it."""
    keys = frozenset() if isinstance(policy, Anyone) else policy.keys
    return frozenset(
        each.key
        for offer in made
        if offer.statement == said
        for each in offer.signatures
        if each.key in keys and verify(each.key, said.canonical(), each.value)
    )


def refused_offers_change_nothing(judge: Judge, policy: Policy, made: list[Offer], more: list[Offer]) -> None:
    """Whoever can write to a cache, and has no trusted key, changes not one byte that is used."""
    if isinstance(policy, Anyone):
        return
    powerless = [
        Offer(each.statement, tuple(sig for sig in each.signatures if sig.key not in policy.keys)) for each in more
    ]
    forged = [Offer(each.statement, tuple(Signature(key, bytes(64)) for key in sorted(policy.keys))) for each in more]
    assert accepted(judge(policy, [*made, *powerless, *forged], verify)) == accepted(judge(policy, made, verify))


def order_does_not_count(judge: Judge, policy: Policy, made: list[Offer], more: list[Offer]) -> None:
    said = [*made, *more]
    assert judge(policy, said[::-1], verify) == judge(policy, said, verify)
    twice = [offer for each in said for offer in (each, each)]
    assert judge(policy, twice, verify) == judge(policy, said, verify)


def everything_gets_a_verdict(judge: Judge, policy: Policy, made: list[Offer], more: list[Offer]) -> None:
    assert judge(policy, [*made, *more], verify).keys() == {each.statement for each in (*made, *more)}


def what_is_used_was_signed(judge: Judge, policy: Policy, made: list[Offer], more: list[Offer]) -> None:
    """The very record, and not one like it."""
    said = [*made, *more]
    for each, verdict in judge(policy, said, verify).items():
        by = voices(policy, said, each)
        match policy:
            case Anyone():
                assert verdict == Accepted()
            case SignedBy():
                assert isinstance(verdict, Accepted) == bool(by)
                assert isinstance(verdict, Refused) or verdict.by == by
            case Agreed():
                assert isinstance(verdict, Refused) or by


def builders_agree_on_one_answer(judge: Judge, policy: Policy, made: list[Offer], more: list[Offer]) -> None:
    if not isinstance(policy, Agreed):
        return
    said = [*made, *more]
    answers: dict[object, set[object]] = {}
    for each in accepted(judge(policy, said, verify)):
        answers.setdefault(each.question, set()).add(each.answer)
        alike = {other.statement for other in said if other.statement.question == each.question}
        same = {key for other in alike if other.answer == each.answer for key in voices(policy, said, other)}
        others = {key for other in alike if other.answer != each.answer for key in voices(policy, said, other)}
        assert len(same - others) >= policy.count, "a key that contradicts itself is no voice"
    assert all(len(given) == 1 for given in answers.values())


def enough_voices_are_heard(judge: Judge, policy: Policy, made: list[Offer], more: list[Offer]) -> None:
    """A judge that refuses all is wrong as well."""
    if not isinstance(policy, Agreed):
        return
    alone = made[:1]
    for each, verdict in judge(policy, alone, verify).items():
        assert isinstance(verdict, Accepted) == (len(voices(policy, alone, each)) >= policy.count)


LAWS = [
    refused_offers_change_nothing,
    order_does_not_count,
    everything_gets_a_verdict,
    what_is_used_was_signed,
    builders_agree_on_one_answer,
    enough_voices_are_heard,
]


@pytest.mark.parametrize("law", LAWS)
def test_a_law_of_trust(law: Callable[[Judge, Policy, list[Offer], list[Offer]], None]) -> None:
    @settings(max_examples=60)
    @given(POLICIES, MANY, MANY)
    def holds(policy: Policy, made: list[Offer], more: list[Offer]) -> None:
        law(trust.judge, policy, made, more)

    holds()


@given(POLICIES)
def test_a_policy_is_read_as_it_is_kept(policy: Policy) -> None:
    names = {f"key{number}": key for number, key in enumerate(KEYS)}
    by_key = {key: name for name, key in names.items()}
    match policy:
        case Anyone():
            said = Trust("any")
        case SignedBy(keys):
            said = Trust("signed", tuple(by_key[key] for key in keys))
        case Agreed(count, keys):
            said = Trust(f"{count}-of-{len(keys)}", tuple(key.text for key in keys))
    assert Trust.read(said.tree).unwrap().among(names).unwrap() == policy


# Wrong judges, each caught.


def _believes_names(policy: Policy, made: Iterable[Offer], verify: Verify) -> Mapping[Statement, Verdict]:
    return trust.judge(policy, made, lambda key, message, value: True)


def _believes_any_key(policy: Policy, made: Iterable[Offer], verify: Verify) -> Mapping[Statement, Verdict]:
    return trust.judge(SignedBy(KEYS) if isinstance(policy, SignedBy) else policy, made, verify)


def _one_is_enough(policy: Policy, made: Iterable[Offer], verify: Verify) -> Mapping[Statement, Verdict]:
    return trust.judge(SignedBy(policy.keys) if isinstance(policy, Agreed) else policy, made, verify)


def _first_come(policy: Policy, made: Iterable[Offer], verify: Verify) -> Mapping[Statement, Verdict]:
    seen: dict[object, Offer] = {}
    for each in made:
        seen.setdefault(each.statement.question, each)
    return trust.judge(policy, seen.values(), verify)


def _counts_signatures(policy: Policy, made: Iterable[Offer], verify: Verify) -> Mapping[Statement, Verdict]:
    """One key that signs twice, in two offers, is two voices."""
    verdicts = dict(trust.judge(policy, offers_made := list(made), verify))
    if isinstance(policy, Agreed):
        for each in verdicts:
            signatures = [sig for offer in offers_made if offer.statement == each for sig in offer.signatures]
            true = [
                sig for sig in signatures if sig.key in policy.keys and verify(sig.key, each.canonical(), sig.value)
            ]
            if len(true) >= policy.count:
                verdicts[each] = Accepted(frozenset(sig.key for sig in true))
    return verdicts


def _believes_copies(policy: Policy, made: Iterable[Offer], verify: Verify) -> Mapping[Statement, Verdict]:
    """What was accepted of one record is accepted of every record that gives the same answer."""
    verdicts = trust.judge(policy, made, verify)
    good = {
        (each.question, each.answer): verdict for each, verdict in verdicts.items() if isinstance(verdict, Accepted)
    }
    return {each: good.get((each.question, each.answer), verdict) for each, verdict in verdicts.items()}


def _refuses_all(policy: Policy, made: Iterable[Offer], verify: Verify) -> Mapping[Statement, Verdict]:
    return {each: Refused(trust.Unsigned()) for each in trust.judge(policy, made, verify)}


WRONG: list[Judge] = [
    _believes_names,
    _believes_any_key,
    _one_is_enough,
    _first_come,
    _counts_signatures,
    _believes_copies,
    _refuses_all,
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_judge_breaks_a_law(wrong: Judge) -> None:
    @settings(max_examples=400, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
    @given(POLICIES, MANY, MANY)
    def laws(policy: Policy, made: list[Offer], more: list[Offer]) -> None:
        for law in LAWS:
            law(wrong, policy, made, more)

    with pytest.raises(AssertionError):
        laws()
