"""Bars and curves. Every function here and beside returns the Axes; ``show`` displays them with alt text.

The colours are those of Okabe and Ito (2008), which people with any common colour vision tell
apart; markers and line styles say the same again.
"""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tlkit import checks
from tlkit.figures.colours import COLOURS
from tlkit.figures.style import ink, new_figure, paper, styled
from tlkit.history import History
from tlkit.intervals import Interval, accuracy_interval, if_enough, points
from tlkit.language import said

__all__ = ["plot_bars", "plot_curves", "plot_differences", "plot_training"]

_LONGEST_NAME = 34  # letters in a line beside the dots


@styled
def plot_bars(
    values: Mapping[str, Sequence[float]],
    ylabel: str = "test accuracy (%)",
    title: str = "",
    intervals: Sequence[Interval] | None = None,
) -> Axes:
    """One bar for each name: the mean over seeds, its 95 % interval, and each seed as a dot.

    Values are shares from 0 to 1. Below three seeds there is no interval, and no whisker. Intervals
    are those of ``accuracy_interval``, or yours, one a bar.
    """
    checks.text(ylabel=ylabel, title=title)
    values = checks.mapping("values", values, "one value a seed")
    values = {name: checks.numbers(f"values[{name!r}]", seeds) for name, seeds in values.items()}
    if intervals is None:
        intervals = [if_enough(accuracy_interval, seeds) for seeds in values.values()]
    for interval in checks.several("intervals", intervals, "intervals"):
        checks.instance("an interval", interval, Interval)
    if len(intervals) != len(values):
        raise ValueError(f"Give one interval for each bar: there are {len(intervals)} for {len(values)} bars.")
    means = dict(zip(values, intervals))
    told = "; ".join(f"{said(name)} {said(str(mean))}" for name, mean in means.items())
    axes = new_figure(1.8 + 1.5 * len(values), 4.2, f"{said(title or 'Bars')}, {said(ylabel)}: {told}.")
    for k, (name, mean) in enumerate(means.items()):
        axes.bar(
            k,
            mean.mean * 100,
            width=0.6,
            color=COLOURS[k % 6],
            alpha=0.85,
            edgecolor=ink(),
            hatch=("", "//", "..", "xx", "\\\\", "--")[k % 6],
        )
        axes.errorbar(
            k,
            mean.mean * 100,
            yerr=[[(mean.mean - mean.low) * 100], [(mean.high - mean.mean) * 100]],
            fmt="none",
            color=ink(),
            capsize=6,
            linewidth=1.8,
        )
        seeds = values[name] * 100
        axes.plot(
            k + np.linspace(0.16, 0.26, len(seeds)), seeds, "o", color=paper(), markeredgecolor=ink(), markersize=5
        )
        axes.annotate(
            f"{mean.mean:.1%}",
            (k, (mean.high if mean.known else mean.mean) * 100),
            textcoords="offset points",
            xytext=(0, 7),
            ha="center",
            weight="bold",
        )
    axes.set_xticks(range(len(values)), list(values))
    axes.set_ylim(0, 108)
    axes.set_yticks(range(0, 101, 20))
    axes.grid(axis="x", visible=False)
    axes.set_ylabel(ylabel)
    axes.set_title(title)
    return axes


@styled
def plot_differences(
    gains: Mapping[str, Interval], title: str = "", xlabel: str = "difference in accuracy (points)"
) -> Axes:
    """A dot and its interval around zero for each difference within the same draws.

    A filled dot is clear of the noise; of a hollow one the interval contains zero, or there is none.

    Parameters
    ----------
    gains : name -> Interval of a difference of shares, of ``mean_interval`` or ``comparison.difference``

    Raises
    ------
    ValueError, TypeError
        If there is none, or it is no interval.
    """
    checks.text(title=title, xlabel=xlabel)
    for name, gain in checks.mapping("gains", gains, "the interval of a difference").items():
        checks.instance(f"gains[{name!r}]", gain, Interval)
    told = "; ".join(f"{said(name)}: {said(points(gain))}" for name, gain in gains.items())
    alt = f"{said(title or 'Differences')}, {said(xlabel)}: {told}."
    axes = new_figure(7.6, 1.3 + 0.5 * len(gains), alt)
    axes.axvline(0, color=ink(), linewidth=1.2)
    for row, gain in enumerate(gains.values()):
        colour = COLOURS[row % 6]
        if gain.known:
            axes.hlines(row, 100 * gain.low, 100 * gain.high, color=colour, linewidth=2.6)
        face = colour if gain.clear else paper()
        axes.plot(100 * gain.mean, row, "o", color=face, markeredgecolor=colour, markeredgewidth=2, markersize=10)
        axes.annotate(
            points(gain.mean).split()[0],
            (100 * gain.mean, row),
            textcoords="offset points",
            xytext=(0, 9),
            ha="center",
            weight="bold",
            bbox={"facecolor": paper(), "edgecolor": "none", "pad": 0.5},  # the line at zero may run behind it
        )
    # What is longer would leave no room for the dots.
    names = [name if "\n" in name else textwrap.fill(said(name), _LONGEST_NAME) for name in gains]
    axes.set_yticks(range(len(gains)), names)
    axes.set_ylim(len(gains) - 0.5, -0.75)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.12)
    axes.set_xlabel(xlabel)
    axes.set_title(title)
    return axes


@styled
def plot_curves(
    x: Sequence[float],
    curves: Mapping[str, np.ndarray],
    xlabel: str,
    ylabel: str = "test accuracy (%)",
    title: str = "",
    log_x: bool = False,
) -> Axes:
    """A line for each name with its 95 % interval, from three seeds on.

    Parameters
    ----------
    x : (p,)
    curves : name to array (seeds, p) of shares from 0 to 1
    """
    checks.text(xlabel=xlabel, ylabel=ylabel, title=title)
    checks.flag(log_x=log_x)
    x = checks.numbers("x", x)
    curves = checks.mapping("curves", curves, "an array (seeds, points)")
    curves = {name: checks.numbers(f"curves[{name!r}]", seeds, dimensions=2) for name, seeds in curves.items()}
    for name, seeds in curves.items():
        if seeds.shape[1] != len(x):
            raise ValueError(f"curves[{name!r}] has {seeds.shape[1]} columns, but x has {len(x)} values.")
    ends = []
    axes = new_figure(7.6, 4.4)
    for name, seeds in curves.items():
        means = [if_enough(accuracy_interval, column) for column in seeds.T]
        (line,) = axes.plot(x, [m.mean * 100 for m in means], label=name)
        axes.fill_between(
            x,
            [m.low * 100 for m in means],
            [m.high * 100 for m in means],
            color=line.get_color(),
            alpha=0.18,
            linewidth=0,
        )
        ends.append(said(f"{said(name)} from {means[0]} at {x[0]:g} to {means[-1]} at {x[-1]:g}"))
    about = f"{said(ylabel)} {said('against')} {said(xlabel)}"
    axes.figure.alt_text = f"{said(title or 'Curves')}, {about}: {'; '.join(ends)}."
    if log_x:
        axes.set_xscale("log")
        axes.set_xticks(x, [f"{value:g}" for value in x])
        axes.minorticks_off()
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.set_title(title)
    axes.legend()
    return axes


@styled
def plot_training(histories: Mapping[str, History], title: str = "", by: str = "epochs") -> Axes:
    """Accuracy on val after each epoch of one or several trainings.

    Parameters
    ----------
    histories : dict from a name to a History; where the second of two phases began is marked
    by : {"epochs", "seconds"}
    """
    checks.choose("axis", by, ("epochs", "seconds"))
    checks.text(title=title)
    for name, history in checks.mapping("histories", histories, "a History", fewest=0).items():
        checks.instance(f"histories[{name!r}]", history, History)
        if history.loss and not history.val_accuracy:
            raise ValueError(
                f"There is no accuracy on val to plot in {name!r}: it was trained without a look at val after each "
                "epoch.\nGive val_each_epoch=True to the way, or val to train_network."
            )
    axes, ends = new_figure(7.6, 4.2, framed=True), []
    for name, history in histories.items():
        values = [100 * value for value in history.val_accuracy]
        x = range(1, len(values) + 1) if by == "epochs" else history.seconds[: len(values)]
        (line,) = axes.plot(x, values, label=name, markersize=5)
        if values:
            ends.append(said(f"{said(name)} ends at {values[-1]:.1f} % after {len(values)} epochs"))
        if 0 < history.head_epochs < len(values):
            at = history.head_epochs + 0.5 if by == "epochs" else history.seconds[history.head_epochs - 1]
            axes.axvline(at, color=line.get_color(), linewidth=1.2, linestyle=":")
            axes.annotate("unfreeze here", (at, 2), rotation=90, va="bottom", ha="right", fontsize=9.5, color=ink())
    found = "; ".join(ends) or "nothing yet"
    axes.figure.alt_text = said(f"{said(title or 'Training')}, accuracy on val by {by}: {found}.")
    axes.set_xlabel("epochs" if by == "epochs" else "seconds of training")
    if by == "epochs":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("accuracy on val (%)")
    axes.set_ylim(0, 100)
    axes.set_title(title)
    if histories:
        axes.legend(fontsize=10, loc="lower right")
    else:
        axes.text(0.5, 0.5, "press “run it now”", transform=axes.transAxes, ha="center", color="#777777")
    return axes
