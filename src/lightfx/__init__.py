"""lightfx: typed derivations, stored realizations, failures as data."""

from lightfx._version import __version__
from lightfx.core.closure import Closure, NotPlannableError, instantiate
from lightfx.core.config import Config, UnstorableError
from lightfx.core.derivation import Derivation, Realizer, Recipe, Tolerant
from lightfx.core.failures import EngineError, EngineFailure
from lightfx.core.layout import IN_MEMORY
from lightfx.core.names import Digest, Name
from lightfx.core.outcome import (
    BadOutput,
    Cancelled,
    Cause,
    Died,
    Left,
    LeftError,
    Outcome,
    Raised,
    Returned,
    Right,
    Root,
    TimedOut,
    Upstream,
)
from lightfx.core.parts import NoPartError
from lightfx.core.realization import BuildOrder, Context, Cost, MadeBy, Output, Realization
from lightfx.core.refs import DRef, RRef
from lightfx.core.secrets import Secret, UndeclaredSecretError
from lightfx.core.terms import Resources, Retry, Terms
from lightfx.effects.world import World
from lightfx.engine.inspect import plan, table
from lightfx.engine.realize import RunOptions, realize, realize_all
from lightfx.plan.compare import Checked, Different, FileDifference, Identical, NotChecked
from lightfx.plan.explain import Action, Plan, Step
from lightfx.plan.replay import ReplayPolicy, Verdict, replay_always, replay_by_cause, retry_always, retry_failed
from lightfx.stages.build import Build, UndeclaredNeedError
from lightfx.stages.lens import Lens, lens
from lightfx.stages.missteps import LensError, Misstep
from lightfx.stages.promises import out
from lightfx.stages.realizers import FunctionRealizer, derivation, realizer
from lightfx.stages.redefining import realized, redefined
from lightfx.stages.signature import StageError
from lightfx.stages.sources import source_file, source_tree
from lightfx.stages.stage import Stage, stage
from lightfx.wiring import check, evaluate, evaluate_all, memory_world, open_world, unwrap

__all__ = [
    "IN_MEMORY",
    "Action",
    "BadOutput",
    "Build",
    "BuildOrder",
    "Cancelled",
    "Cause",
    "Checked",
    "Closure",
    "Config",
    "Context",
    "Cost",
    "DRef",
    "Derivation",
    "Died",
    "Different",
    "Digest",
    "EngineError",
    "EngineFailure",
    "FileDifference",
    "FunctionRealizer",
    "Identical",
    "Left",
    "LeftError",
    "Lens",
    "LensError",
    "MadeBy",
    "Misstep",
    "Name",
    "NoPartError",
    "NotChecked",
    "NotPlannableError",
    "Outcome",
    "Output",
    "Plan",
    "RRef",
    "Raised",
    "Realization",
    "Realizer",
    "Recipe",
    "ReplayPolicy",
    "Resources",
    "Retry",
    "Returned",
    "Right",
    "Root",
    "RunOptions",
    "Secret",
    "Stage",
    "StageError",
    "Step",
    "Terms",
    "TimedOut",
    "Tolerant",
    "UndeclaredNeedError",
    "UndeclaredSecretError",
    "UnstorableError",
    "Upstream",
    "Verdict",
    "World",
    "__version__",
    "check",
    "derivation",
    "evaluate",
    "evaluate_all",
    "instantiate",
    "lens",
    "memory_world",
    "open_world",
    "out",
    "plan",
    "realize",
    "realize_all",
    "realized",
    "realizer",
    "redefined",
    "replay_always",
    "replay_by_cause",
    "retry_always",
    "retry_failed",
    "source_file",
    "source_tree",
    "stage",
    "table",
    "unwrap",
]
