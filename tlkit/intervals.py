"""Means over draws, or over test pictures, with the uncertainty that belongs to them, and how they are printed."""

from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from tlkit import checks

__all__ = ["Interval", "accuracy_interval", "mean_interval", "points"]

FEWEST = 3  # draws: with two, Student's t has one degree of freedom, and its interval says nothing


class Interval(NamedTuple):
    """A mean and its 95 % confidence interval; where there is none, ``low`` and ``high`` are NaN."""

    mean: float
    low: float
    high: float
    _made_by = "tlkit.mean_interval(values) and comparison.difference(first, second) give one."

    @property
    def known(self) -> bool:
        """Whether there is an interval at all."""
        return bool(np.isfinite(self.low))

    @property
    def clear(self) -> bool:
        """Whether the interval of a difference leaves zero out."""
        return bool(self.low > 0 or self.high < 0)

    def __str__(self) -> str:
        mean, low, high = (f"{value:.1%}".replace("-0.0%", "0.0%") for value in self)
        if not self.known:
            return f"{mean} (no interval: it takes {FEWEST} draws that differ)"
        return f"{mean} ({low} to {high})"


_normal = NormalDist().inv_cdf


def mean_interval(values: Sequence[float], looks: int = 1) -> Interval:
    """The mean of one value a draw and its 95 % interval by Student's t: for differences, and any number.

    Where all values are equal they do not say how far they scatter, and there is no interval.

    Parameters
    ----------
    values : (draws,), at least three
    looks : int
        How many such intervals you look at before you name the best of them. Among many, one leaves
        zero out by luck; so each gets ``1 / looks`` of the 5 % (Bonferroni's correction), and is wider.

    Raises
    ------
    ValueError
        With fewer than three values, or one that is no number.
    """
    mean, error, quantile = _spread(values, looks)
    half = quantile * error if error else np.nan
    return Interval(mean, mean - half, mean + half)


def accuracy_interval(accuracies: Sequence[float], pictures: int | None = None) -> Interval:
    """The mean of one accuracy a draw and its 95 % interval, which stays within 0 and 1.

    The scatter of the draws says how many independent answers their mean is worth,
    ``p (1 - p) / error ** 2``. For so many, the interval is the score interval of Wilson (1927), with
    Student's t for few draws. Near 0 and 1 it is lopsided, as it should be.

    Parameters
    ----------
    accuracies : (draws,), at least three, 0 to 1
    pictures : int, optional
        The test pictures of all draws together. The mean is worth no more answers than that, so that
        equal draws have an interval too; without this number they have none.

    Raises
    ------
    ValueError
        With fewer than three accuracies, or one that is not from 0 to 1.
    """
    mean, error, quantile = _spread(accuracies)
    if np.min(accuracies) < 0 or np.max(accuracies) > 1:
        raise ValueError(f"An accuracy is a number from 0 to 1, but these are {np.asarray(accuracies).tolist()}.")
    worth = mean * (1 - mean) / error**2 if error else np.inf
    if pictures is not None:
        worth = min(worth, checks.count("pictures", pictures, 1))
    return _wilson(mean, worth, quantile) if np.isfinite(worth) else Interval(mean, np.nan, np.nan)


def _spread(values: Sequence[float], looks: int = 1) -> tuple[float, float, float]:
    """Mean, standard error (0 for equal values) and Student's quantile."""
    try:
        values = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"An interval needs one value for each draw, numbers, not {checks.shown(values)}.") from error
    if values.ndim != 1 or len(values) < FEWEST:
        found = f"{len(values)}" if values.ndim == 1 else f"shape {values.shape}"
        raise ValueError(f"An interval needs one value for each of at least {FEWEST} draws, not {found}.")
    if not np.isfinite(values).all():
        raise ValueError(f"An interval needs numbers, but among the values are: {values.tolist()}.")
    quantile = student(1 - 0.025 / checks.count("looks", looks, 1), len(values) - 1)
    error = values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), 0.0 if np.ptp(values) < 1e-12 else float(error), float(quantile)


def student(chance: float, freedom: float) -> float:
    """The quantile of Student's t."""
    # Not from scipy.stats, which takes a second to import. This takes a third: not before there is an interval.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, chance))


def _wilson(share: float, count: float, quantile: float) -> Interval:
    """The score interval of a share of ``count`` answers."""
    pull = quantile**2 / count  # towards one half
    middle, half = share + pull / 2, quantile * np.sqrt((share * (1 - share) + pull / 4) / count)
    low, high = float(middle - half) / (1 + pull), float(middle + half) / (1 + pull)
    return Interval(share, max(0.0, min(low, share)), min(1.0, max(high, share)))  # but for rounding, they are that


def picture_interval(correct: np.ndarray, groups: np.ndarray | None = None) -> Interval:
    """The accuracy on one test set and its 95 % interval over the test pictures, as Wilson (1927).

    Parameters
    ----------
    correct : (n,), bool, or the share of runs that were right about each picture
    groups : int (n,), optional
        Pictures of one group are no independent witnesses. How far the groups scatter says how many independent
        answers they are worth, as the scatter of draws does in ``accuracy_interval``.
    """
    share = float(np.mean(correct))
    if groups is None:
        return _wilson(share, len(correct), _normal(0.975))
    error, quantile = _over_groups(np.asarray(correct, dtype=float), groups)
    if np.isnan(error):
        return Interval(share, np.nan, np.nan)
    worth = share * (1 - share) / error**2 if error else len(np.unique(groups))
    return _wilson(share, min(worth, len(correct)), quantile)


def _over_groups(values: np.ndarray, groups: np.ndarray, looks: int = 1) -> tuple[float, float]:
    """The standard error of a mean whose values come in groups, and Student's quantile; NaN below three groups.

    The variance of a ratio, total by number, over clusters (Cochran 1977, chapter 11).
    """
    names, index = np.unique(groups, return_inverse=True)
    if len(names) < FEWEST:
        return np.nan, np.nan
    off = np.bincount(index, weights=values - values.mean())
    quantile = student(1 - 0.025 / looks, len(names) - 1)
    return float(np.sqrt(len(names) / (len(names) - 1) * (off**2).sum())) / len(values), quantile


def picture_difference(
    first: np.ndarray, second: np.ndarray, looks: int = 1, groups: np.ndarray | None = None
) -> Interval:
    """The difference of two accuracies on the same test pictures, 95 % interval over the pictures.

    Only pictures about which the two disagree count, as in the test of McNemar (1947). Half a
    picture is added to each of its four fields (Agresti and Min 2005), so that two that never disagree have an
    interval too.

    Parameters
    ----------
    first, second : (n,), as for ``picture_interval``
    looks : as for ``mean_interval``
    groups : as for ``picture_interval``
    """
    apart = np.subtract(first, second, dtype=float)
    if groups is not None:
        error, quantile = _over_groups(apart, groups, looks)
        return within(Interval(float(apart.mean()), *(apart.mean() + np.array([-1, 1]) * quantile * error)))
    count, total = len(apart) + 2, apart.sum()
    half = _normal(1 - 0.025 / looks) * np.sqrt((apart**2).sum() + 1 - total**2 / count) / count
    return within(Interval(float(apart.mean()), total / count - half, total / count + half))


def within(difference: Interval) -> Interval:
    """The part of an interval where a difference of two accuracies can be: from -1 to 1."""
    mean, low, high = difference
    return Interval(mean, float(np.maximum(low, -1)), float(np.minimum(high, 1)))


def if_enough(make: Callable[..., Interval], values: Sequence[float], **settings: int | None) -> Interval:
    """The interval; of fewer than three draws their mean alone, for a table or a figure that goes on without."""
    return make(values, **settings) if len(values) >= FEWEST else Interval(float(np.mean(values)), np.nan, np.nan)


def points(difference: float | Interval, looks: int = 1) -> str:
    """A difference of two accuracies in words: ``+2.0 points (+1.3 to +2.6), clear of the noise``.

    Parameters
    ----------
    difference : a number from -1 to 1, or an Interval
    looks : int
        What the interval was corrected for, which is said.
    """
    checks.count("looks", looks, 1)
    if not isinstance(difference, Interval):
        return f"{_signed(100 * checks.number('difference', difference))} points"
    mean, low, high = (_signed(100 * value) for value in difference)
    if not difference.known:
        return f"{mean} points (no interval: it takes {FEWEST} draws that differ)"
    verdict = "clear of the noise" if difference.clear else "inside the noise"
    if looks > 1:
        verdict = f"{verdict} (corrected for {looks} looks)"
    return f"{mean} points ({low} to {high}), {verdict}"


def _signed(value: float) -> str:
    text = f"{value:+.1f}"
    return text if float(text) else "0.0"  # never -0.0
