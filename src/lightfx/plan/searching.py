"""What a search asks of a realization: its name, its age, its outcome, fields of its config. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final, Literal, TypeAlias, final, get_args

from attrs import Factory, frozen

from lightfx.core.canonical import Tree
from lightfx.core.config import Config
from lightfx.core.realization import Realization

LEFT: Final = "left"
Status: TypeAlias = Literal[
    "", "right", "left", "returned", "raised", "timed_out", "died", "bad_output", "upstream", "cancelled"
]
STATUSES: Final[Mapping[str, Status]] = {each: each for each in get_args(Status)}
_ABSENT: Final = object()


@final
@frozen
class Search:
    """What is searched for; what is not given does not matter.

    ``name`` is a pattern such as ``fit*``; ``since``, seconds since the epoch;
    ``status``: "right", "left" for any LEFT, or the kind of one; ``fields``:
    values of the config, by path.
    """

    name: str = "*"
    since: float | None = None
    status: Status = ""
    fields: Mapping[str, Tree] = Factory(dict)

    def likes(self, realization: Realization) -> bool:
        """Tell whether a realization is wanted, whatever its config."""
        kind = realization.result.kind
        return (
            fnmatchcase(realization.dref.name.text, self.name)
            and (self.since is None or realization.created > self.since)
            and (not self.status or kind == self.status or (self.status == LEFT and kind != "right"))
        )

    def likes_config(self, config: Config) -> bool:
        """Tell whether a config has the fields that are wanted.

        >>> Search(fields={"rate": 1}).likes_config(Config.of(args={"rate": 1.0}))
        True
        """
        tree = config.tree
        return all(_same(field_at(tree, path), value) for path, value in self.fields.items())


def field_at(tree: Mapping[str, Tree], path: str) -> object:
    """Find a field of a config by its path; that of a parameter may begin with its name.

    >>> config = {"args": {"sizes": [1, {"a": 2}]}, "name": "fit"}
    >>> field_at(config, "args.sizes.1.a"), field_at(config, "sizes.0"), field_at(config, "name")
    (2, 1, 'fit')
    """
    steps = path.replace("[", ".").replace("]", "").split(".")
    found = _walk(tree, steps)
    return _walk(tree.get("args", {}), steps) if found is _ABSENT else found


def _walk(tree: Tree, steps: list[str]) -> object:
    here: object = tree
    for step in steps:
        if isinstance(here, dict) and step in here:
            here = here[step]
        elif isinstance(here, list) and step.isdecimal() and int(step) < len(here):
            here = here[int(step)]
        else:
            return _ABSENT
    return here


def _same(found: object, wanted: Tree) -> bool:
    """Numbers are the same by value, since nobody types ``1.0`` for a rate of 1; true is no number."""
    numbers = isinstance(found, int | float) and isinstance(wanted, int | float)
    if numbers and not isinstance(found, bool) and not isinstance(wanted, bool):
        return found == wanted
    return type(found) is type(wanted) and found == wanted
