"""``lightfx ls``: what was stored last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lightfx.cli.opening import open_to_read
from lightfx.cli.page import Answer, Page, document
from lightfx.cli.words import age, arguments, duration, full_reason, moment, outcome, reason, short
from lightfx.core.config import Config
from lightfx.core.realization import Realization
from lightfx.core.refs import DRef
from lightfx.wiring import unwrap


def ls(store: str | None, name: str | None, limit: int, *, json: bool) -> Answer:
    """List realizations, newest first."""
    with open_to_read(store) as world:
        rows = unwrap(world.store.newest(name, limit + 1))
        now = world.perform.value(world.clock.now())
        found = [row.realization for row in rows if row.realization is not None]
        configs = unwrap(world.store.configs(tuple({each.dref: None for each in found})))
    if json:
        return document([found_tree(each) for each in found[:limit]])
    if not found:
        return Page().line(f"nothing is stored{f' under the name {name}' if name else ''}").answer()
    page = found_page(found[:limit], configs, now)
    if len(found) > limit:
        page.line(f"and older ones: --limit {limit * 10} lists more")
    return page.answer()


def found_page(found: Sequence[Realization], configs: Mapping[DRef, Config], now: float) -> Page:
    """Put realizations into a table."""
    return Page().table(
        ("ref", "name", "arguments", "outcome", "age", "seconds", "reason"),
        [
            (
                short(each.rref),
                each.dref.name.text,
                arguments(configs.get(each.dref)),
                outcome(each.result.kind),
                age(each.created, now),
                duration(each.cost.seconds) if each.cost.seconds else "-",
                reason(each.result),
            )
            for each in found
        ],
    )


def found_tree(realization: Realization) -> dict[str, object]:
    """Say a realization to machines."""
    return {
        "rref": realization.rref.text,
        "dref": realization.dref.text,
        "name": realization.dref.name.text,
        "kind": realization.result.kind,
        "created": realization.created,
        "time": moment(realization.created),
        "seconds": realization.cost.seconds,
        "reason": full_reason(realization.result),
    }
