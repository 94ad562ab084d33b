"""Traces: what a record spells, and what is known of a derivation by its config alone."""

from __future__ import annotations

from pathlib import Path

from returns.result import Failure

from lightfx.core.config import Config
from lightfx.core.derivation import Observed
from lightfx.core.names import Digest
from lightfx.core.outcome import Cancelled, Left
from lightfx.core.realization import BuildOrder
from lightfx.core.refs import DRef
from lightfx.plan.traces import ShadowRealizer, _observed


def test_a_source_is_looked_at_where_its_config_says() -> None:
    source = Config.of(args={}, code={"source": "file"}, name="x", path="data/x.csv", place="p")
    assert _observed(source) == Observed(Path("data/x.csv"), "p")
    assert _observed(Config.of(args={"path": "data/x.csv"}, code={"version": "1"}, name="x")) is None
    assert _observed(Config.of(args={}, code="source", path="x")) is None


def test_a_shadow_looks_like_a_realizer_and_makes_nothing() -> None:
    shadow, dref = ShadowRealizer(), DRef.of("{}", "x")
    order = BuildOrder(dref, Config("{}"), Digest.of(b""), (0,), Path("/nowhere"), {})
    made = shadow(order)
    assert isinstance(made, Failure)
    assert isinstance(made.failure(), Left)
    assert isinstance(made.failure().cause, Cancelled)
    assert not shadow.current(Config("{}"))
    assert isinstance(shadow.decode(1, None), Failure)
