"""A plan for the command line: what `writer` stores, as one run of nine tasks."""

from __future__ import annotations

from writer import leaves, noted, sixfold, summed

plans = [summed([noted(number), noted(number + 1)], sixfold(number)) for number in (1, 2)] + [leaves(1), leaves(2)]
