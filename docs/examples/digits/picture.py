"""The picture: accuracy by hyperparameter, a panel for each family, a cross for each failed cell.

How settings are worded and coloured is said here and nowhere else, and no model depends on it.
"""

# pyright: reportUnknownMemberType=false
# The keywords of matplotlib's methods have no types.

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, assert_never

from attrs import frozen
from families import Logistic, Neighbours, Network, Settings, Support

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7")
CROSSES: Final = {"returned": "x", "raised": "X"}
MEANING: Final = {"returned": "returned: did not converge", "raised": "raised: the library refused"}
JITTER: Final = 0.17
LANE: Final = 0.011
"""How high the lane for the crosses of one curve is, on the axis of accuracy."""


@frozen
class Row:
    """One cell of the grid with its outcome: "right" and an accuracy, or the kind of its LEFT and why."""

    settings: Settings
    seed: int
    status: str
    accuracy: float | None
    why: str = ""


@frozen
class Words:
    """Settings in words: the panel they belong to, the parameter on its axis, and the curve."""

    family: str
    parameter: str
    x: float
    curve: str

    def __str__(self) -> str:
        return f"{self.parameter.partition(' (')[0]} {self.x:.4g}, {self.curve}"


Spelled: TypeAlias = tuple[Words, Row]


def words(settings: Settings) -> Words:
    match settings:
        case Logistic(c=c, penalty=penalty, solver=solver):
            return Words("logistic regression", "C (weakness of the penalty)", c, f"{penalty.value} by {solver.value}")
        case Support(nu=nu, gamma=gamma):
            return Words("support vectors", "nu (share of errors allowed)", nu, f"gamma {gamma:.4g}")
        case Neighbours(k=k, metric=metric):
            return Words("nearest neighbours", "k (neighbours that vote)", k, metric.value)
        case Network(width=width, rate=rate):
            return Words("neural network", "rate (of learning)", rate, f"{width} units")
        case _ as never:
            assert_never(never)


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw all rows into a PNG file of 1200 x 760 pixels."""
    from matplotlib.figure import Figure

    panels: dict[str, list[Spelled]] = {}
    for row in rows:
        spelled = words(row.settings)
        panels.setdefault(spelled.family, []).append((spelled, row))
    lanes = max(len({spelled.curve for spelled, _ in panel}) for panel in panels.values())
    floor = min((row.accuracy for row in rows if row.accuracy is not None), default=0.9) - LANE
    figure = Figure(figsize=(12, 7.6), dpi=100)
    figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
    for number, panel in enumerate(panels.values(), start=1):
        axes = figure.add_subplot(-(-len(panels) // 2), 2, number)
        _frame(axes, panel, floor, floor - lanes * LANE)
        for curve, colour in zip(_curves(panel), COLOURS, strict=False):
            _curve(axes, panel, curve, colour, floor)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.6), frameon=False)
    failed = sum(row.accuracy is None for row in rows)
    figure.suptitle(f"Handwritten digits: {len(rows)} cells, {failed} of them failed", fontsize=14)
    figure.legend(handles=_key(), loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path)


def _curve(axes: Axes, panel: Sequence[Spelled], curve: str, colour: str, floor: float) -> None:
    """Draw the cells of one curve: on the axis of accuracy, or as crosses in a lane below it."""
    columns, seeds = _columns(panel), sorted({row.seed for _, row in panel})
    lane = floor - LANE * (_curves(panel).index(curve) + 0.5)
    found: dict[int, list[float]] = {}
    for column, row in ((columns.index(spelled.x), row) for spelled, row in panel if spelled.curve == curve):
        x = column + JITTER * (seeds.index(row.seed) - (len(seeds) - 1) / 2)
        if row.accuracy is None:
            axes.plot([x], [lane], marker=CROSSES.get(row.status, "X"), markersize=6, color=colour, linestyle="")
        else:
            axes.plot([x], [row.accuracy], marker="o", markersize=5, alpha=0.35, markeredgewidth=0, color=colour)
            found.setdefault(column, []).append(row.accuracy)
    whole = {column: fmean(each) for column, each in found.items() if len(each) == len(seeds)}
    axes.plot(list(whole), list(whole.values()), marker="o", markersize=6, color=colour, label=curve)


def _frame(axes: Axes, panel: Sequence[Spelled], floor: float, bottom: float) -> None:
    spelled, columns = panel[0][0], _columns(panel)
    axes.set_title(spelled.family, loc="left", fontweight="bold")
    axes.set_xlabel(spelled.parameter)
    axes.set_ylabel("accuracy")
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(bottom, 1.0)
    axes.set_xticks(range(len(columns)), [f"{each:g}" for each in columns])
    axes.set_yticks([tick for tick in axes.get_yticks() if floor <= tick <= 1])
    axes.grid(axis="y", color="#dddddd", linewidth=0.7)
    axes.axhspan(bottom, floor, color="#f1f1f1", zorder=0)
    axes.text(-0.45, floor, "failed", fontsize=8, color="#777777", va="bottom")
    axes.spines[["top", "right"]].set_visible(False)


def _curves(panel: Sequence[Spelled]) -> list[str]:
    return list(dict.fromkeys(spelled.curve for spelled, _ in panel))


def _columns(panel: Sequence[Spelled]) -> list[float]:
    return sorted({spelled.x for spelled, _ in panel})


def _key() -> list[Line2D]:
    from matplotlib.lines import Line2D

    def key(label: str, marker: str, size: float, line: Literal["", "-"] = "", alpha: float = 1) -> Line2D:
        return Line2D([], [], color="#333333", label=label, marker=marker, markersize=size, linestyle=line, alpha=alpha)

    return [
        key("mean, where every seed finished", "o", 6, line="-"),
        key("one seed", "o", 5, alpha=0.35),
        *(key(f"failed, {MEANING[kind]}", cross, 6) for kind, cross in CROSSES.items()),
    ]
