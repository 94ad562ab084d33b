"""Secrets on a Dask cluster: the workers have them, the driver does not, and nobody tells."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("distributed")
HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "conformance"))

from clusters import DaskCluster  # noqa: E402

from lightfx import BadOutput, Died, Left, Right, open_world, realize_all, unwrap  # noqa: E402
from lightfx.executors import dask  # noqa: E402

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
NEEDLES = ("open-sesame", "begin-sesame", "lilies")


@pytest.mark.parametrize("shared", [True, False])
def test_a_cluster_keeps_its_secrets(shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    for name in ("LFX_TOKEN", "LFX_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    home, store = tmp_path / "home", tmp_path / "store"
    home.mkdir()
    (home / "key.txt").write_text("begin-sesame-line\n")
    secrets = {"HOME": str(home), "LFX_TOKEN": "open-sesame-1001", "LFX_PASSWORD": "sesame-and-lilies"}
    import secret_stages

    paths = {"PYTHONPATH": f"{HERE.parents[1] / 'src'}:{HERE.parent / 'conformance'}:{HERE}"}
    with DaskCluster(tmp_path, secrets | paths) as cluster:
        cluster.staff(1)
        with open_world(store, executor=dask(cluster.address, shared=shared)) as world:
            outcomes = unwrap(realize_all(world, secret_stages.wild))
        said = cluster.said()
    assert isinstance(outcomes["print"], Right)
    for how in secret_stages.GIVEN:
        assert isinstance(outcomes["give", how], Left) and isinstance(outcomes["give", how].cause, BadOutput)
    assert isinstance(outcomes["die"].cause, Died) and "<secret env:LFX_TOKEN>" in outcomes["die"].log
    written = [path for path in store.rglob("*") if path.is_file() and not path.is_symlink()]
    texts = {str(path): path.read_bytes() for path in written} | {"said": said.encode(), "got": repr(outcomes).encode()}
    assert [(where, each) for each in NEEDLES for where, text in texts.items() if each.encode() in text] == []
