"""Stages that ship with lightfx: what every project fetches, unpacks or writes down.

They are stages like any other, with a version of their own in place of a
fingerprint: a release of lightfx that would give other results changes it.
"""

from __future__ import annotations

from lightfx.stages.archives import unpack
from lightfx.stages.extracting import DamagedArchiveError, HostileArchiveError
from lightfx.stages.fetching import FetchError, fetch
from lightfx.stages.nodes import node

__all__ = ["DamagedArchiveError", "FetchError", "HostileArchiveError", "fetch", "node", "unpack"]
