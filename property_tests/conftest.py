"""Hypothesis is deterministic here: what passes once passes again. ``HYPOTHESIS_PROFILE=explore`` goes further."""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "fixed", derandomize=True, database=None, deadline=None, max_examples=100, suppress_health_check=SLOW
)
settings.register_profile("explore", deadline=None, max_examples=2000, suppress_health_check=SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

# Tests are imported by their files: what they share is found here.
sys.path.insert(0, str(Path(__file__).parent))
