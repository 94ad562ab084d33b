"""Plans without stages are shared with the property tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "property_tests"))
