"""``lightfx key``: new, show, list, trust, distrust."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

PUBLIC = "lightfx-ed25519:" + "a" * 52


@pytest.fixture
def desk(lightfx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return lightfx


def one_line(said: Any, part: str) -> None:
    assert said.code == 2
    assert said.err.startswith("lightfx: ") and said.err.count("\n") == 1
    assert part in said.err


def test_a_key_from_its_making_to_its_end(desk: Any, tmp_path: Path) -> None:
    assert "no key yet" in desk("key", "list").out
    said = desk("key", "new")
    assert said.code == 0
    assert str(tmp_path / "settings/lightfx/keys/default.key") in said.out
    public = said.out.splitlines()[-1]
    assert desk("key", "show").out == f"{public}\n"
    assert desk("key", "trust", "ada", PUBLIC).code == 0
    assert desk("key", "show", "ada").out == f"{PUBLIC}\n"
    assert [line.split()[:2] for line in desk("key", "list").out.splitlines()[1:]] == [
        ["ada", "trusted"],
        ["default", "own"],
    ]
    assert desk("key", "distrust", "ada").code == 0
    assert "ada" not in desk("key", "list").out


def test_machines_read_it_too(desk: Any) -> None:
    made = desk("key", "new", "build", "--json").json
    assert made["name"] == "build" and made["public"].startswith("lightfx-ed25519:")
    assert desk("key", "show", "build", "--json").json == {"name": "build", "public": made["public"]}
    assert desk("key", "trust", "ada", PUBLIC, "--json").json == {"name": "ada", "public": PUBLIC}
    assert desk("key", "list", "--json").json == [
        {"name": "ada", "public": PUBLIC, "own": False},
        {"name": "build", "public": made["public"], "own": True},
    ]
    assert desk("key", "distrust", "ada", "--json").json == {"name": "ada"}


def test_what_cannot_be_done_is_one_line(desk: Any, tmp_path: Path) -> None:
    desk("key", "new")
    one_line(desk("key", "new"), "already")
    one_line(desk("key", "new", "../x"), "no name for a key")
    one_line(desk("key", "show", "nobody"), "there is no key nobody")
    one_line(desk("key", "trust", "ada", "AAAA"), "no public key")
    assert "key new" not in desk("key", "new").err, "that is what was tried"
    one_line(desk("key", "distrust", "ada"), "no trusted key")
    one_line(desk("key", "distrust", "default"), "it is a key of your own, and trusted as long as it is there")
    (tmp_path / "settings/lightfx/keys/default.key").chmod(0o644)
    one_line(desk("key", "show"), "others can read or write it (mode 0644): make it anew, or chmod go-rwx it")


def test_a_private_key_given_by_mistake_is_not_shown(desk: Any, tmp_path: Path) -> None:
    desk("key", "new")
    secret = (tmp_path / "settings/lightfx/keys/default.key").read_text().strip()
    said = desk("key", "trust", "me", secret)
    one_line(said, "no public key")
    assert secret.partition(":")[2][:6] not in said.err
