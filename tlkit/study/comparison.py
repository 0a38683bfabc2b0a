"""Ways on the same splits and seeds: a tidy table, paired differences, a figure. What runs them is in ``trials``."""

from __future__ import annotations  # the hint names Axes, and Matplotlib is loaded by those who plot

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tlkit import checks, text_tables
from tlkit.intervals import (
    Interval,
    accuracy_interval,
    if_enough,
    mean_interval,
    picture_difference,
    picture_interval,
    points,
    within,
)
from tlkit.language import said
from tlkit.transfer.ways import WAYS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Comparison"]


@dataclass(repr=False)
class Comparison:
    """Ways that were run on the same splits with the same seeds.

    Attributes
    ----------
    rows : list of dict
        One for each way, seed and stage that was tried, with the columns of
        ``datasets/decision_map.csv``. Where several stages were tried, ``chosen`` marks the one
        that val chose.
    correct : dict from (way, seed) to bool array (n,)
        Which test pictures were named rightly; empty for a map that was read from a file.
    one_cut : bool
        Whether all seeds share one train, val and test. Then seeds differ in the luck of training
        alone, which says nothing about other pictures: intervals are over the test pictures.
    groups : int array (n,) or None
        With ``one_cut``, what the test pictures belong to: intervals are over these groups then.
    """

    rows: list[dict]
    correct: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)
    one_cut: bool = False
    groups: np.ndarray | None = None

    @property
    def ways(self) -> list[str]:
        """The ways in the order of ``WAYS``, then any others."""
        found = dict.fromkeys(row["way"] for row in self.rows)
        return [way for way in WAYS if way in found] + [way for way in found if way not in WAYS]

    def values(self, way: str, column: str = "accuracy", stage: str | None = None) -> np.ndarray:
        """One value a seed, in the order of the seeds, of what val chose or of a certain ``stage``."""
        return np.array(list(self._by_seed(way, column, stage).values()))

    def _by_seed(self, way: str, column: str, stage: str | None = None) -> dict[int, float | str]:
        checks.choose("way", way, self.ways)
        rows = [r for r in self.rows if r["way"] == way and (r["stage"] == stage if stage else r["chosen"])]
        if not rows:
            raise ValueError(f"{way!r} was not tried on stage {stage!r}.")
        return {row["seed"]: row[column] for row in sorted(rows, key=lambda row: row["seed"])}

    def accuracy(self, way: str) -> Interval:
        """Mean test accuracy over the seeds with its 95 % interval, over draws or (``one_cut``) over test pictures."""
        values = self._by_seed(way, "accuracy")
        if self.one_cut:
            return picture_interval(self._share_right(way, values), self.groups)
        pictures = sum(len(self.correct.get((way, seed), ())) for seed in values) or None
        return if_enough(accuracy_interval, list(values.values()), pictures=pictures)

    def difference(self, first: str, second: str, looks: int = 1) -> Interval:
        """Mean test accuracy of ``first`` minus that of ``second`` with its 95 % interval, which pairs what both have.

        Paired are the seeds, or with ``one_cut`` the test pictures. Below three draws the ends are NaN.

        Parameters
        ----------
        first, second : ways
        looks : int
            How many differences you look at before you name the best of them: see ``mean_interval``.
        """
        one, other = self._by_seed(first, "accuracy"), self._by_seed(second, "accuracy")
        both = [seed for seed in one if seed in other]
        if not both:
            raise ValueError(f"{first!r} and {second!r} have no seed in common, so there is nothing to pair.")
        checks.count("looks", looks, 1)
        if self.one_cut:
            first_right, second_right = self._share_right(first, both), self._share_right(second, both)
            return picture_difference(first_right, second_right, looks, self.groups)
        return within(if_enough(mean_interval, [one[seed] - other[seed] for seed in both], looks=looks))

    def verdict(self, first: str, second: str, looks: int = 1) -> str:
        """The paired difference in points, and whether it is clear of the noise; ``looks`` as for ``difference``."""
        over = f" (one cut: interval over {self._sample})" if self.one_cut else ""
        return f"{first} minus {second}: {points(self.difference(first, second, looks), looks)}{over}"

    def _share_right(self, way: str, seeds: Iterable[int]) -> np.ndarray:
        return np.mean([self.correct[way, seed] for seed in seeds], axis=0)

    @property
    def _sample(self) -> str:
        """What an interval of one cut is over."""
        if self.groups is not None:
            return f"{len(np.unique(self.groups)):,} {said('groups of test pictures')}"
        return f"{len(next(iter(self.correct.values()))):,} {said('test pictures')}"

    def _table(self) -> list[tuple[str, ...]]:
        reached = "test accuracy (95 % interval)"
        if self.one_cut:
            reached = f"test accuracy (95 % interval over {self._sample} of one cut)"
        lines = [("way", reached, "seconds", "trained weights")]
        for way in self.ways:
            seconds = f"{np.median(self.values(way, 'seconds')):,.1f}"
            weights = f"{int(np.median(self.values(way, 'trained_parameters'))):,}"
            lines.append((said(way), said(str(self.accuracy(way))), seconds, weights))
        return lines

    def __str__(self) -> str:
        return text_tables.as_text(self._table())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return text_tables.as_table(self._table())

    def plot(self, title: str = "") -> Axes:
        """A bar for each way, with its interval, its seeds and its seconds."""
        from tlkit.figures import plots

        bars = {}
        for way in self.ways:
            seconds = np.median(self.values(way, "seconds"))
            bars[f"{textwrap.fill(said(way), 12)}\n{seconds:.{0 if seconds >= 10 else 1}f} s"] = self.values(way)
        reached = "test accuracy (%)"
        if self.one_cut:
            reached = f"test accuracy (%)\n95 % over {self._sample} of one cut"
        return plots.plot_bars(bars, reached, title, [self.accuracy(way) for way in self.ways])
