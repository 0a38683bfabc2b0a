"""What the table of shifts shows: the average of two networks between its ends."""

import numpy as np
from matplotlib.axes import Axes

from tlkit import checks
from tlkit.figures.plots import plot_curves
from tlkit.figures.style import ink, styled
from tlkit.study.shifts import SHARES, ShiftTable

__all__: list[str] = []

ALL_SHARES = (0.0, *SHARES, 1.0)


@styled
def plot_average(measured: ShiftTable, dataset: str, part: str, share: float) -> Axes:
    """Accuracy against the share of the fine-tuned network: the usual test set, a shifted one, and a line at ``share``.

    Parameters
    ----------
    part : a shift, or ``"shifted"`` for the mean of all
    share : one of ``ALL_SHARES``
    """
    if share not in ALL_SHARES:
        raise ValueError(f"share must be one of {', '.join(map(str, ALL_SHARES))}, but it is {checks.shown(share)}.")
    name = "all shifts" if part == "shifted" else part
    curves = {
        label: np.stack([measured.values(dataset, "average", which, each) for each in ALL_SHARES], axis=1)
        for label, which in {"usual": "usual", name: part}.items()
    }
    at = ALL_SHARES.index(share)
    usual, other = (100 * seeds[:, at].mean() for seeds in curves.values())
    title = f"{dataset}, {share:.0%} fine-tuned: {usual:.1f} % as usual, {other:.1f} % under {name}"
    axes = plot_curves(ALL_SHARES, curves, "share of the fine-tuned network (0: the head alone)", title=title)
    axes.axvline(share, color=ink(), linestyle=":", linewidth=1.6)
    for line, reached in zip(axes.get_lines(), (usual, other)):
        line.set_marker("o")
        axes.plot(share, reached, "o", color=line.get_color(), markersize=12, markeredgecolor=ink())
    axes.legend()
    return axes
