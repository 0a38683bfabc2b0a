"""Means over seeds with the uncertainty that belongs to them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

__all__ = ["Interval", "mean_interval"]


class Interval(NamedTuple):
    """A mean and its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.1%} ({self.low:.1%} to {self.high:.1%})"


def mean_interval(values: Sequence[float]) -> Interval:
    """The mean of one value a seed and its 95 % interval by Student's t.

    Raises
    ------
    ValueError
        With fewer than two values: one seed says nothing about the spread.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"An interval needs one value for each of at least two seeds, not shape {values.shape}.")
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return Interval(values.mean(), values.mean() - half, values.mean() + half)
