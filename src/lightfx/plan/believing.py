"""From a policy of trust to what a cache asks of each record that it is told of. Pure.

A signature that cannot be read is as none: whoever can write to a cache may
write anything beside a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from returns.result import Success

from lightfx.core.statement import MOST_SIGNATURES, Signature, Statement, Verify
from lightfx.plan.policies import Policy
from lightfx.plan.sharing import Judge, Told
from lightfx.plan.trust import Offer, Verdict, judge


def believing(policy: Policy, verify: Verify) -> Judge:
    """Judge records by the signatures beside them.

    >>> from lightfx.plan.policies import SignedBy
    >>> believing(SignedBy([]), lambda key, message, value: True)([])
    ()
    """

    def judged(told: Sequence[Told]) -> tuple[Verdict, ...]:
        offers = [_offer(each) for each in told]
        verdicts = judge(policy, offers, verify)
        return tuple(verdicts[offer.statement] for offer in offers)

    return judged


def _offer(told: Told) -> Offer:
    read = (Signature.read(tree) for tree in islice(told.signatures, MOST_SIGNATURES))
    return Offer(Statement.of(told.realization), tuple(each.unwrap() for each in read if isinstance(each, Success)))
