"""``python -m lightfx``: the command line, for whom the program ``lightfx`` is not on the path."""

from __future__ import annotations

import sys

from lightfx.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
