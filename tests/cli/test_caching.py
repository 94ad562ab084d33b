"""``cache``, ``push`` and ``pull`` from the command line, and runs that use the caches of their store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lightfx.cli import exchanging
from lightfx.shell.cache.opening import probe


@pytest.fixture
def stocked(lightfx: Any) -> Any:
    """A desk with a store in which a plan was realized, and a cache that runs push to."""
    assert lightfx("run", "plan:fine", "-q").code == 0
    assert lightfx("cache", "add", "ours", "shared", "--push", "--trust", "any").code == 0
    return lightfx


def test_caches_are_added_listed_and_removed(lightfx: Any) -> None:
    assert lightfx("cache", "add", "ours", "shared", "--no-create").code == 2, "there is no store yet"
    said = lightfx("cache", "add", "ours", "shared", "--push", "--lefts", "none")
    assert said.code == 0
    assert "push what they make" in said.out
    assert said.err == ""
    said = lightfx("cache", "add", "web", "http://127.0.0.1:9/results", "--trust", "any")
    assert said.code == 0
    assert "noted all the same" in said.err
    assert "is no folder" in lightfx("cache", "add", "typo", "shraed").err
    assert lightfx("cache", "rm", "typo").code == 0
    first, second = lightfx("cache", "list", "--json").json
    assert (first["name"], first["push"], first["lefts"], first["drops"]) == ("ours", True, "none", True)
    assert (second["url"], second["push"], second["drops"]) == ("http://127.0.0.1:9/results", False, False)
    assert "ours" in lightfx("cache").out
    assert lightfx("cache", "add", "ours", "elsewhere").code == 2
    assert lightfx("cache", "add", "ours", "shared", "--push").code == 2, "other LEFTs"
    again = lightfx("cache", "add", "ours", "shared", "--push", "--lefts", "none")
    assert (again.code, again.err) == (0, ""), "as a job does that finds its store again"
    assert [each["name"] for each in lightfx("cache", "list", "--json").json] == ["web", "ours"]
    assert lightfx("cache", "rm", "ours").code == 0
    assert lightfx("cache", "rm", "ours").code == 2
    assert [each["name"] for each in lightfx("cache", "list", "--json").json] == ["web"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://me:pw@host/path", "credentials come from the environment"),
        ("https://host/path?sig=abc", "credentials come from the environment"),
        ("ftp://host/path", "names no cache"),
        ("s3:///prefix", "a bucket"),
        ("ftp://me:pw@host/path", "names no cache"),
        ("https://me:p/w@host/path", "cannot be read"),
        ("https://me:pw@host/pa\x01th", "cannot be printed"),
        ("https://[me:pw@host/path", "cannot be read"),
        ("me:pw@host?sig=abc://", "names no cache"),
    ],
)
def test_what_names_no_cache_or_holds_a_credential_is_refused(lightfx: Any, url: str, why: str) -> None:
    assert lightfx("run", "plan:fine", "-q").code == 0
    said = lightfx("cache", "add", "x", url)
    assert said.code == 2
    assert why in said.err
    assert "me:" not in said.err
    assert "abc" not in said.err
    assert lightfx("cache", "add", "x", "http://host/x", "--push").code == 2


def test_trap_two_that_are_added_at_once_are_both_noted(lightfx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known was read before the server was tried, which takes a while, and written back without the other."""
    assert lightfx("run", "plan:fine", "-q").code == 0

    def tried(setup: Any) -> Any:
        if setup.name == "slow":
            assert lightfx("cache", "add", "quick", "elsewhere", "--push").code == 0
        return probe(setup)

    monkeypatch.setattr(exchanging, "probe", tried)
    assert lightfx("cache", "add", "slow", "shared", "--push").code == 0
    assert [each["name"] for each in lightfx("cache", "list", "--json").json] == ["quick", "slow"]


def test_a_cache_that_takes_nothing_is_said_as_it_is_added(lightfx: Any) -> None:
    assert lightfx("run", "plan:fine", "-q").code == 0
    Path("full").mkdir()
    Path("full/v1").write_text("no folder")
    assert lightfx("cache", "add", "reading", "full").err == ""
    said = lightfx("cache", "add", "pushing", "full", "--push")
    assert said.code == 0
    assert "noted all the same" in said.err and "full/v1" in said.err
    assert lightfx("cache", "add", "fine", "shared", "--push").err == ""
    assert [path for path in Path("shared").rglob("*") if path.is_file()] == [], "what was tried is gone"


def test_a_key_to_sign_with_that_is_not_there_is_said(lightfx: Any) -> None:
    assert "no key 'ci' to sign with" in lightfx("cache", "add", "ours", "shared", "--push", "--sign", "ci").out


def test_a_run_in_another_store_builds_nothing(stocked: Any) -> None:
    assert stocked("push", "fit", "data").out == "2 realizations to the cache ours\n"
    assert stocked("push", "fit", "data").out == "0 realizations to the cache ours\n"
    assert stocked("push", "fit", "--to", "theirs").code == 2
    assert stocked("run", "plan:fine", "-q").code == 0, "what is stored is not pushed again"
    assert stocked("cache", "add", "ours", "shared", "--store", "other", "--trust", "any").code == 0
    said = stocked("run", "plan:fine", "--store", "other")
    assert said.code == 0
    assert "from the cache ours" in said.err
    assert stocked("run", "plan:fine", "--store", "other", "--assert-realized").code == 0
    assert stocked("cat", "data/rows.txt", "--store", "other").out == "xxx"


def test_pulling_takes_whole_references(stocked: Any) -> None:
    refs = {each["name"]: each["dref"] for each in stocked("ls", "--json").json}
    assert stocked("push", "fit", "--json").json[0]["refused"] == []
    assert stocked("run", "plan:plan", "-q", "--store", "other").code == 1
    said = stocked("pull", refs["fit"], "--store", "other")
    assert said.code == 2
    assert "lightfx cache add" in said.err
    assert stocked("cache", "add", "ours", "shared", "--store", "other", "--trust", "any").code == 0
    assert "realization" in stocked("pull", refs["fit"], "--store", "other").out
    told = stocked("pull", refs["fit"], "--store", "other", "--json").json
    assert told[0]["realizations"] == []
    said = stocked("pull", "a" * 32 + "-nothing", "--store", "other")
    assert said.code == 3
    assert "neither here nor in the cache" in said.err
    said = stocked("pull", "nothing", "--store", "other")
    assert said.code == 2
    assert "the whole reference, as `lightfx show` prints it" in said.err


def test_trap_what_is_damaged_is_not_pushed_and_that_is_no_success(stocked: Any) -> None:
    """Trap: it said that the cache was at fault, and gave 0; who pushes in a job thought that all was there."""
    (path,) = (each for each in Path("store/objects").iterdir() if (each / "rows.txt").exists())
    (path / "rows.txt").chmod(0o644)
    (path / "rows.txt").write_text("other")
    said = stocked("push", "data")
    assert said.code == 1
    assert "-data is not used: its files here are not what they were: `lightfx verify --repair` mends them" in said.err


def test_trap_what_is_damaged_there_and_is_brought_again_is_a_success(stocked: Any) -> None:
    """Trap: of what was wrong in the cache, and was mended by the push, it was said that it had not been brought."""
    assert stocked("push", "data").code == 0
    for path in Path("shared/v1/groups").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    said = stocked("push", "data")
    assert "the cache ours: v1/groups/" in said.err
    assert (said.code, said.out) == (0, "1 realization to the cache ours\n")


def test_trap_settings_that_cannot_be_read_say_what_to_do(stocked: Any) -> None:
    """Trap: no run went on, and the one line was of a parser."""
    Path("store/caches.json").write_text("x")
    said = stocked("run", "plan:fine")
    assert said.code == 3
    assert "remove it, and add the caches again" in said.err


def test_a_key_that_is_gone_is_told_of_as_a_key(stocked: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    assert stocked("cache", "add", "signed", "elsewhere", "--push", "--sign", "ci").code == 0
    said = stocked("push", "fit", "--to", "signed")
    assert said.code == 3
    assert "the cache signed: cannot be used: " in said.err and "there is no key of this name" in said.err
    assert stocked("key", "new", "ci").code == 0
    assert stocked("push", "fit", "--to", "signed").code == 0


def test_what_nobody_signed_is_told_with_the_cache_that_has_it(
    stocked: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    refs = {each["name"]: each["dref"] for each in stocked("ls", "--json").json}
    assert stocked("push", "data").code == 0
    assert stocked("key", "new").code == 0
    assert stocked("cache", "add", "theirs", "shared", "--store", "other").code == 0
    said = stocked("pull", refs["data"], "--store", "other")
    assert said.code == 3
    assert "what the cache theirs has is not used: nobody signed it" in said.err


def test_what_no_cache_brings_is_told_of(stocked: Any) -> None:
    refs = {each["name"]: each["dref"] for each in stocked("ls", "--json").json}
    assert stocked("push", "fit").code == 0
    assert stocked("run", "plan:fine", "-q", "--store", "other").code == 0
    for name in ("empty", "ours"):
        url = {"ours": "shared"}.get(name, name)
        Path(url).mkdir(exist_ok=True)
        assert stocked("cache", "add", name, url, "--store", "other", "--trust", "any").code == 0
    lost = [each for each in Path("other/objects").iterdir() if (each / "rows.txt").exists()]
    assert lost
    for each in lost:
        each.rename(each.parent.parent / each.name)
    said = stocked("pull", refs["fit"], "--from", "empty", "--store", "other")
    assert said.code == 0
    assert "not all is here" in said.err and "-data came from no cache" in said.err
    said = stocked("pull", refs["fit"], "--store", "other")
    assert said.out.endswith("1 realization from the cache ours\n")
    assert said.err == ""
    assert all(each.exists() for each in lost)


def test_a_cache_that_is_down_is_told_of_and_the_run_goes_on(stocked: Any) -> None:
    assert stocked("cache", "rm", "ours").code == 0
    assert stocked("cache", "add", "gone", "http://127.0.0.1:9/results", "--trust", "any").code == 0
    said = stocked("run", "plan:plan")
    assert said.code == 1, "one of the plan is LEFT"
    assert said.err.count("trouble with the cache gone") == 1
    assert "trouble with the cache gone" in stocked("runs", "show", "last").out
    assert stocked("pull", "a" * 32 + "-nothing").code == 3


def test_whose_results_are_used_is_said_and_kept(stocked: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    said = stocked("cache", "add", "theirs", "shared", "--store", "other")
    assert "nothing of it is used yet, since no key is trusted" in said.out
    assert stocked("push", "fit", "data").code == 0
    refused = stocked("run", "plan:fine", "--store", "other")
    assert "no key is trusted" in refused.err
    public = stocked("key", "new", "--json").json["public"]
    assert stocked("push", "fit", "data").out == "2 realizations to the cache ours\n", "signed now"
    assert stocked("cache", "add", "more", "shared", "--store", "third", "--key", "default").code == 0
    said = stocked("run", "plan:fine", "--store", "third")
    assert "from the cache more" in said.err
    assert "not used" not in said.err
    facts = stocked("cache", "list", "--store", "third", "--json").json
    assert (facts[0]["trust"], facts[0]["keys"]) == ("signed", ["default"])
    assert "signed default" in stocked("cache", "list", "--store", "third").out
    builders = ["--trust", "1-of-2", "--key", public, "--key", "ada"]
    said = stocked("cache", "add", "b", "shared", "--store", "third", *builders)
    assert "no key is trusted by the name 'ada'" in said.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--trust", "everybody"), "is no policy of trust"),
        (("--trust", "2-of-3", "--key", "ada"), "takes 3 different keys"),
        (("--trust", "any", "--key", "ada"), "name no keys"),
    ],
)
def test_what_is_no_policy_is_misuse(stocked: Any, words: tuple[str, ...], why: str) -> None:
    said = stocked("cache", "add", "x", "shared", *words)
    assert said.code == 2
    assert why in said.err
