"""`check_store_laws` and `check_executor_laws` on what ships, and on one of each that is wrong."""

from __future__ import annotations

import pytest
from returns.io import IOResult, IOSuccess

from lightfx.core.failures import EngineFailure
from lightfx.shell.executor.inline import InlineExecutor
from lightfx.shell.store.directory import open_directory
from lightfx.shell.store.memory import MemoryStore
from lightfx.testing import BrokenLawError, check_executor_laws, check_store_laws
from lightfx.testing.makings import good


def test_the_store_on_disk_obeys_as_a_shared_one() -> None:
    check_store_laws(lambda folder: good(open_directory(folder)))


def test_a_store_that_drops_what_it_is_given_is_told_which_law() -> None:
    class Forgetful(MemoryStore):
        def commit(self, entries: object) -> IOResult[None, EngineFailure]:
            return IOSuccess(None)

    with pytest.raises(BrokenLawError) as caught:
        check_store_laws(Forgetful, shared=False)
    assert caught.value.law == "what was committed is listed by derivation"


def test_an_executor_that_goes_on_when_it_is_cancelled_is_told_which_law() -> None:
    class Deaf(InlineExecutor):
        def cancel(self) -> IOResult[None, EngineFailure]:
            return IOSuccess(None)

    with pytest.raises(BrokenLawError) as caught:
        check_executor_laws(lambda folder: Deaf())
    assert caught.value.law == "nothing comes of what was cancelled"
