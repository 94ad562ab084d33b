"""The laws of `lightfx.effects.store.Store`: one suite for every implementation.

`STORE_LAWS` lists them all; beside each stands a wrong store that it must catch
(``tests/conformance/test_stores.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from lightfx.effects.store import Store
from lightfx.testing.broken import judging
from lightfx.testing.collecting_laws import (
    only_what_was_judged_goes,
    roots_are_kept_until_let_go,
    sizes_are_told,
    the_bill_is_what_is_paid,
    the_inventory_lists_all,
    what_is_collected_is_gone,
    what_is_rooted_stays_as_it_was,
    what_went_can_come_again,
)
from lightfx.testing.makings import good
from lightfx.testing.object_laws import (
    a_folder_is_listed_as_it_would_be_stored,
    an_output_that_is_no_folder_is_refused,
    discard_removes_all,
    equal_content_is_one_object,
    forbidden_kinds_are_refused,
    hard_links_do_not_count,
    objects_are_read_only,
    objects_hold_what_was_written,
    one_bad_folder_spoils_no_other,
    other_content_is_another_object,
    places_are_private_and_not_yet_made,
    salvage_keeps_what_may_be_kept,
    verifying_finds_what_is_damaged_and_nothing_else,
    what_is_not_what_it_is_named_by_is_unsound,
    what_is_stored_takes_the_place_of_what_is_damaged,
)
from lightfx.testing.record_laws import (
    an_empty_commit_is_one,
    another_world_sees_what_was_committed,
    asking_twice_for_one_lists_it_once,
    committing_again_changes_nothing,
    configs_are_read_back,
    every_left_comes_with_its_record,
    names_begin_with_the_prefix,
    records_are_read_back_whole,
    the_newest_come_first,
    what_code_consists_of_is_found_by_its_fingerprint,
    what_is_committed_is_synced_before_the_answer,
    what_is_unknown_is_not_in_the_answer,
    what_was_committed_is_found_by_key,
    what_was_committed_is_listed_by_derivation,
)
from lightfx.testing.rig import Rig, StoreLaw
from lightfx.testing.sharing_laws import (
    a_claim_is_granted_to_one_at_a_time,
    closing_twice_is_fine,
    nothing_is_dropped_beside_others,
    observing_changes_nothing,
    only_content_is_observed,
    to_drop_what_is_gone_is_fine,
    what_cannot_be_observed_is_a_cause,
    what_is_ephemeral_is_listed_without_its_files,
    what_is_kept_is_not_dropped,
    what_is_observed_is_what_would_be_stored,
    what_is_to_be_kept_counts_first,
    what_was_dropped_can_be_stored_again,
    what_was_selected_last_counts,
)

STORE_LAWS: Final[tuple[StoreLaw, ...]] = (
    what_was_committed_is_listed_by_derivation,
    asking_twice_for_one_lists_it_once,
    what_was_committed_is_found_by_key,
    every_left_comes_with_its_record,
    records_are_read_back_whole,
    configs_are_read_back,
    what_code_consists_of_is_found_by_its_fingerprint,
    what_is_unknown_is_not_in_the_answer,
    names_begin_with_the_prefix,
    the_newest_come_first,
    committing_again_changes_nothing,
    an_empty_commit_is_one,
    another_world_sees_what_was_committed,
    what_is_committed_is_synced_before_the_answer,
    equal_content_is_one_object,
    other_content_is_another_object,
    objects_hold_what_was_written,
    objects_are_read_only,
    hard_links_do_not_count,
    forbidden_kinds_are_refused,
    one_bad_folder_spoils_no_other,
    an_output_that_is_no_folder_is_refused,
    salvage_keeps_what_may_be_kept,
    discard_removes_all,
    places_are_private_and_not_yet_made,
    a_folder_is_listed_as_it_would_be_stored,
    what_is_not_what_it_is_named_by_is_unsound,
    what_is_stored_takes_the_place_of_what_is_damaged,
    verifying_finds_what_is_damaged_and_nothing_else,
    what_is_observed_is_what_would_be_stored,
    only_content_is_observed,
    what_cannot_be_observed_is_a_cause,
    observing_changes_nothing,
    a_claim_is_granted_to_one_at_a_time,
    what_is_ephemeral_is_listed_without_its_files,
    what_is_kept_is_not_dropped,
    to_drop_what_is_gone_is_fine,
    what_was_dropped_can_be_stored_again,
    what_is_to_be_kept_counts_first,
    what_was_selected_last_counts,
    nothing_is_dropped_beside_others,
    what_is_collected_is_gone,
    what_is_rooted_stays_as_it_was,
    only_what_was_judged_goes,
    the_inventory_lists_all,
    sizes_are_told,
    the_bill_is_what_is_paid,
    what_went_can_come_again,
    roots_are_kept_until_let_go,
    closing_twice_is_fine,
)


def check_store_laws(
    factory: Callable[[Path], Store], /, *, shared: bool = True, laws: Iterable[StoreLaw] = STORE_LAWS
) -> None:
    """Ask all laws of a store, each of a new one.

    ``factory``: opens the store that lies in a folder, and makes it where there
    is none. ``shared``: whether opening the same folder again gives another
    view of the same store, as another process would have it; where it is false
    the store is opened once for each law. ``laws``: fewer of them.

    Raises `BrokenLawError` at the first law that is broken.

    >>> from lightfx.shell.store.memory import MemoryStore
    >>> check_store_laws(MemoryStore, shared=False)
    """
    for law in laws:
        with TemporaryDirectory(prefix="lightfx-laws-") as scratch:
            _judge(factory, law, Path(scratch), shared=shared)


def _judge(factory: Callable[[Path], Store], law: StoreLaw, scratch: Path, *, shared: bool) -> None:
    outside = scratch / "outside"
    outside.mkdir()
    opened: list[Store] = []

    def view() -> Store:
        if shared or not opened:
            opened.append(factory(scratch / "store"))
        return opened[-1]

    try:
        with judging(law):
            law(Rig(view(), view, outside, alone=not shared))
    finally:
        for store in opened:
            good(store.close())
