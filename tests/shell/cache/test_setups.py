"""What is said of a cache means something, or is refused where it is written."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from lightfx import memory_world
from lightfx.caches import CacheSetup, Sharing, agreed, anyone, azure, configured, folder, gs, http, s3, tiered
from lightfx.moving import objects_from, pull, push

SECRET = "lightfx-ed25519-secret:" + "a" * 52  # noqa: S105 -- what somebody may take for a name


@pytest.mark.parametrize(
    ("trust", "why"),
    [
        ("any", "trust is 'any'; it takes anyone, signed_by"),
        (agreed, "trust is the function agreed; it takes"),
        (None, "trust is None"),
    ],
)
def test_trap_what_is_no_trust_was_told_of_by_what_asks_it(trust: object, why: str) -> None:
    """Trap: ``trust="any"`` was taken, and opening the world gave "'str' object has no attribute 'policy'"."""
    with pytest.raises(TypeError, match=why):
        folder("shared", trust=trust)  # type: ignore[arg-type]  # what no type checker saw


# By name, since they are given here what no type checker would let them have.
MAKERS: dict[str, Callable[..., object]] = {
    "folder": folder, "http": http, "s3": s3, "tiered": tiered, "setup": CacheSetup
}  # fmt: skip


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (partial(MAKERS["folder"], "shared", sharing="none"), "sharing is 'none'; it takes a Sharing"),
        (partial(MAKERS["folder"], "shared", push=1), "push is 1; it is True or False"),
        (partial(MAKERS["folder"], "shared", key=3), "key is of type int"),
        (partial(MAKERS["folder"], "shared", name=3), "name is of type int"),
        (partial(MAKERS["folder"], 3), "path is of type int"),
        (partial(MAKERS["folder"], b"shared"), "path is of type bytes"),
        (partial(MAKERS["http"], 3), "url is of type int"),
        (partial(MAKERS["http"], "http://host", silence="5"), "silence is '5'; it takes a number"),
        (partial(MAKERS["s3"], 3), "place is of type int"),
        (partial(MAKERS["s3"], "bucket", region=3), "region is of type int"),
        (partial(MAKERS["s3"], "bucket", endpoint=3), "endpoint is of type int"),
        (partial(MAKERS["tiered"], 1, s3("bucket")), "a cache is wanted, not int"),
        (partial(MAKERS["tiered"], folder("near"), "s3://bucket"), "a cache is wanted, not str: `folder"),
        (partial(MAKERS["setup"], "s3://bucket", near=3), "a cache is wanted, not int"),
        (partial(MAKERS["setup"], "s3://bucket", keys="keys"), "keys is of type str; it takes the Path"),
        (partial(MAKERS["setup"], "s3://bucket", drops="no"), "drops is 'no'; it is True or False"),
    ],
)
def test_trap_what_is_of_another_kind_was_told_of_in_the_middle_of_a_run(make: Callable[[], object], why: str) -> None:
    """Trap: it was taken, and came out as an AttributeError about insides."""
    with pytest.raises(TypeError, match=why):
        make()


@pytest.mark.parametrize("seconds", [0, -1, math.inf, math.nan])
@pytest.mark.parametrize("setting", ["silence", "connect"])
@pytest.mark.parametrize(
    "make", [partial(http, "http://host"), partial(s3, "b"), partial(gs, "b"), partial(azure, "b")]
)
def test_trap_limits_that_are_no_times_were_taken(
    make: Callable[..., CacheSetup], setting: str, seconds: float
) -> None:
    """Trap: with no time to connect in, no cache ever answered."""
    with pytest.raises(ValueError, match=f"{setting} is {seconds} s"):
        make(**{setting: seconds})


@pytest.mark.parametrize("path", ["", Path()])
def test_trap_no_folder_at_all_was_the_one_that_one_is_in(path: str | Path) -> None:
    """Trap: ``folder(os.environ.get("SHARED", ""))`` shared what lies in the current folder."""
    if path == "":
        with pytest.raises(ValueError, match="the one that you are in is '.'"):
            folder(path)
    else:
        assert folder(path) == folder(".")  # `Path` does not tell them apart


@pytest.mark.parametrize("key", ["../k", "a/b", ".", " ", "-rf", "k\n", SECRET])
def test_trap_a_key_was_called_what_no_key_is_called(key: str) -> None:
    """Trap: the command line refuses such names; and what is given in place of one may be the key itself."""
    with pytest.raises(ValueError, match="key is no name of a key") as raised:
        folder("shared", push=True, key=key)
    assert key not in str(raised.value).split()
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("make", [s3, gs, azure])
def test_trap_a_whole_address_was_the_name_of_a_bucket(make: Callable[[str], CacheSetup]) -> None:
    """Trap: ``s3("s3://results")`` was the bucket ``s3:``, which the server had never heard of."""
    with pytest.raises(ValueError, match="place is a whole address") as raised:
        make("s3://me:secret@results")
    assert "secret" not in str(raised.value)


def test_what_means_something_is_taken(tmp_path: Path) -> None:
    near = folder(tmp_path, name="near", push=True, sharing=Sharing("none", False), trust=anyone, key="ci.2")
    far = tiered(near, s3("results", region="x", silence=1, connect=86_400))
    assert (near.key, near.sharing.lefts, far.near, far.silence) == ("ci.2", "none", near, 1)


def test_trap_what_is_no_cache_was_pushed_to(tmp_path: Path) -> None:
    """Trap: ``push(world, refs, "shared")`` gave a NotAnAttrsClassError, and `objects_from` gave it as it mended."""
    with memory_world(tmp_path) as world:
        for move in (push, pull):
            with pytest.raises(TypeError, match="a cache is wanted, not int"):
                move(world, [], 3)  # type: ignore[arg-type]  # what no type checker saw
            with pytest.raises(TypeError, match="a cache is wanted, not an effect: unwrap"):
                move(world, [], configured("store"))  # type: ignore[arg-type]  # as above
        with pytest.raises(TypeError, match="caches are wanted in a sequence, not int"):
            objects_from(world, 3)  # type: ignore[arg-type]  # as above
        with pytest.raises(TypeError, match="a cache is wanted, not str"):
            objects_from(world, ["shared"])  # type: ignore[list-item]  # as above
