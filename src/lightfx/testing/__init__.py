"""The law kit: one's own matchers, stores and executors under test, and assertions about runs.

- `check_matcher_laws`, `check_store_laws`, `check_executor_laws` ask all laws
  of one; `MATCHER_LAWS`, `STORE_LAWS`, `EXECUTOR_LAWS` list them;
- `assert_reused`, `assert_ran`, `assert_left`, `assert_right`,
  `assert_all_right` read well; `idle` gives a world in which nothing runs;
- `lightfx.testing.strategies` has strategies for Hypothesis;
- `lightfx.testing.plugin` gives pytest the fixtures ``world`` and
  ``memory_world``, and the option ``--lightfx-forbid-runs``.

The extra ``testing`` brings Hypothesis and pytest; only `check_matcher_laws`,
the strategies and the plugin need them.
"""

from lightfx.testing.asserting import assert_all_right, assert_left, assert_ran, assert_reused, assert_right
from lightfx.testing.broken import BrokenLawError, UncheckedLawWarning
from lightfx.testing.executor_laws import EXECUTOR_LAWS, ExecutorLaw, check_executor_laws
from lightfx.testing.forbidding import RunForbiddenError, idle
from lightfx.testing.matcher_laws import MATCHER_LAWS, MatcherLaw, check_matcher_laws
from lightfx.testing.rig import Rig, StoreLaw
from lightfx.testing.scenes import Scene, candidate, left_candidate
from lightfx.testing.store_laws import STORE_LAWS, check_store_laws

__all__ = [
    "EXECUTOR_LAWS",
    "MATCHER_LAWS",
    "STORE_LAWS",
    "BrokenLawError",
    "ExecutorLaw",
    "MatcherLaw",
    "Rig",
    "RunForbiddenError",
    "Scene",
    "StoreLaw",
    "UncheckedLawWarning",
    "assert_all_right",
    "assert_left",
    "assert_ran",
    "assert_reused",
    "assert_right",
    "candidate",
    "check_executor_laws",
    "check_matcher_laws",
    "check_store_laws",
    "idle",
    "left_candidate",
]
