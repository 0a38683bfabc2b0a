"""Does a better source network transfer better? The table of the networks of ``tlkit.study.source_networks``."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from tlkit import checks
from tlkit.course import COURSE
from tlkit.figures.colours import COLOURS
from tlkit.figures.style import styled
from tlkit.intervals import Interval, accuracy_interval, if_enough, mean_interval
from tlkit.study.ledger import Ledger
from tlkit.study.source_networks import STAGES, TARGETS

__all__ = ["BetterSources", "load_better_sources", "plot_better_sources"]

SHIPPED = COURSE / "datasets" / "better_sources.csv"


def ledger_at(path: Path) -> Ledger:
    """The table at a path; its rows come by seed, then from the shortest training to the smoothed one."""
    kinds = dict(seed=int, epochs=int, smoothing=float, source=float, separation=float, target=str)
    kinds |= {column: float for column in STAGES}
    place = {name: k for k, name in enumerate(TARGETS)}

    def order(row: dict) -> tuple:
        return row["seed"], row["smoothing"], row["epochs"], place[row["target"]]

    cell = ("seed", "epochs", "smoothing")
    return Ledger(path, kinds, cell, order, "table of better sources", "python -m tools sources")


@dataclass
class BetterSources:
    """What was measured: one row for each network and target."""

    rows: list[dict]

    @property
    def targets(self) -> list[str]:
        """The targets, from similar to the source to very different."""
        return [name for name in TARGETS if any(row["target"] == name for row in self.rows)]

    @property
    def epochs(self) -> list[int]:
        """How long the networks were trained, from short to long."""
        return sorted({row["epochs"] for row in self.rows})

    def values(self, target: str, column: str, epochs: int | None = None, smoothed: bool = False) -> np.ndarray:
        """One value a seed, in the order of the seeds.

        Parameters
        ----------
        target : one of ``targets``
        column : ``"codes"`` or ``"conv5"``, test accuracies of a probe on the target; ``"source"``, the accuracy on
            the source's test pictures; ``"separation"``, of the source's classes among the codes
        epochs : one of ``epochs``; by default the most
        smoothed : whether the network was trained with smoothed labels, which only that of the most epochs was
        """
        checks.choose("target dataset", target, self.targets)
        checks.choose("column", column, (*STAGES, "source", "separation"))
        checks.flag(smoothed=smoothed)
        epochs = self.epochs[-1] if epochs is None else epochs
        rows = [r for r in self.rows if r["target"] == target and r["epochs"] == epochs]
        rows = [row for row in rows if (row["smoothing"] > 0) == smoothed]
        if not rows:
            how = "with" if smoothed else "without"
            raise ValueError(f"No network of {epochs} epochs {how} smoothed labels was measured on {target}.")
        return np.array([row[column] for row in sorted(rows, key=lambda row: row["seed"])])

    def ladder(self, target: str, column: str = "codes") -> np.ndarray:
        """The networks with plain labels: ``(seeds, lengths of training)``, from short to long."""
        return np.stack([self.values(target, column, epochs) for epochs in self.epochs], axis=1)

    def smoothing_effect(self, target: str, column: str = "codes") -> Interval:
        """What smoothed labels change at the most epochs, paired by seed."""
        return if_enough(mean_interval, self.values(target, column, smoothed=True) - self.values(target, column))


def rank_correlations(source: np.ndarray, probe: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation within each draw, ``(seeds,)``, from -1 to 1; NaN where all are equal.

    Parameters
    ----------
    source, probe : (seeds, networks)
    """
    from scipy.stats import spearmanr  # not above: it takes a second to import

    if source.shape != probe.shape or source.ndim != 2 or source.shape[1] < 2:
        raise ValueError(
            f"Two arrays (seeds, networks) of one shape were expected, not {source.shape} and {probe.shape}."
        )
    flat = (np.ptp(source, axis=1) == 0) | (np.ptp(probe, axis=1) == 0)
    return np.array([np.nan if no else spearmanr(x, y).statistic for x, y, no in zip(source, probe, flat)])


def load_better_sources(path: str | Path = SHIPPED) -> BetterSources:
    """Read what ships with the course, or what ``python -m tools sources`` wrote.

    Raises
    ------
    ValueError
        If the file is missing or is not such a table.
    """
    return BetterSources(ledger_at(checks.path("path", path)).read())


_MARKS = ("o", "s", "^", "D", "v")


@styled
def plot_better_sources(measured: BetterSources, column: str = "codes", title: str = "") -> Axes:
    """Probe accuracy against source accuracy: a line for each target, hollow marks for smoothed labels.

    Bars are 95 % intervals over the seeds, where there are at least three.
    """
    figure, axes = plt.subplots(figsize=(8.4, 5.2), layout="constrained")
    plt.close(figure)
    said = []
    for name, colour, mark in zip(measured.targets, COLOURS, _MARKS):
        x = 100 * measured.ladder(name, "source").mean(axis=0)
        found = [if_enough(accuracy_interval, values) for values in measured.ladder(name, column).T]
        style = {"color": colour, "marker": mark, "elinewidth": 1.2, "capsize": 3}
        axes.errorbar(x, *_bars(found), **style, label=name)
        smooth = if_enough(accuracy_interval, measured.values(name, column, smoothed=True))
        x_smooth = 100 * measured.values(name, "source", smoothed=True).mean()
        axes.errorbar(x_smooth, *_bars([smooth]), **style, markerfacecolor="none", markersize=10, linestyle="none")
        each = ", ".join(f"{at:.0f}: {one.mean:.1%}" for at, one in zip(x, found))
        said.append(f"{name} {each}, with smoothed labels {x_smooth:.0f}: {smooth.mean:.1%}")
    axes.errorbar([], [], fmt="o", color="grey", markerfacecolor="none", markersize=10, label="smoothed labels")
    axes.set_xlabel("accuracy on the source's test pictures (%)")
    axes.set_ylabel(f"test accuracy of a probe on {STAGES[column]} (%)")
    axes.legend(fontsize=10, loc="upper left", bbox_to_anchor=(1, 1))
    figure.suptitle(title, x=0.01, ha="left", weight="bold")
    shown = title or "Better sources"
    figure.alt_text = f"{shown}, accuracy of a probe on {STAGES[column]} by source accuracy in %: {'; '.join(said)}."
    return axes


def _bars(found: list[Interval]) -> tuple[np.ndarray, np.ndarray]:
    """Means and the lengths of their bars, in percent."""
    means = np.array([each.mean for each in found])
    return 100 * means, 100 * np.abs(np.array([(each.low, each.high) for each in found]).T - means)
