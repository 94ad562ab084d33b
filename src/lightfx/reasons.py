"""Reasons of a plan: why a run would do with a derivation what it would do.

Each `lightfx.Step` of what `lightfx.plan` gives has some in ``why``. They are
frozen records, a closed union, `Reason`: ``match`` on them.
"""

from lightfx.plan.changes import CodeChanged, FieldChanged, ReferenceChanged
from lightfx.plan.explain import (
    AskedChanged,
    AskedForced,
    AskedGone,
    AskedRetried,
    Estimate,
    FilesGone,
    Forced,
    InputChanged,
    LeftRetried,
    LeftStands,
    MoreWanted,
    NeverBuilt,
    OutsideChanged,
    Reason,
    SameAs,
    StandsOn,
    Unobservable,
    WaitsFor,
)

__all__ = [
    "AskedChanged",
    "AskedForced",
    "AskedGone",
    "AskedRetried",
    "CodeChanged",
    "Estimate",
    "FieldChanged",
    "FilesGone",
    "Forced",
    "InputChanged",
    "LeftRetried",
    "LeftStands",
    "MoreWanted",
    "NeverBuilt",
    "OutsideChanged",
    "Reason",
    "ReferenceChanged",
    "SameAs",
    "StandsOn",
    "Unobservable",
    "WaitsFor",
]
