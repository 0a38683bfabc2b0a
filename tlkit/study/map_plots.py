"""Figures of the decision map: where you are on it, what was measured there, how the stages compare."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import Affine2D, ScaledTranslation

from tlkit import checks
from tlkit.figures.colours import COLOURS, WAY_COLOURS
from tlkit.figures.style import grid_colour, ink, new_figure, paper, styled
from tlkit.intervals import accuracy_interval, if_enough
from tlkit.language import said
from tlkit.study.comparison import Comparison
from tlkit.study.decision import DecisionMap, left_out
from tlkit.study.places import MAPS, RANK, RULE, SIMILAR, quadrant, world_of
from tlkit.transfer.ways import CHOICES, TWO_LINES, WAYS

__all__ = ["plot_stages"]

_HATCHES = {
    "earlier stage": "//",
    "all stages": "--",
    "fine-tuning": "..",
    "pretrained start": "xx",
    "scaled start": "++",
    "scratch": "\\\\",
}
_LINES = {  # marker and line, so that nobody needs the colours
    "probe": ("o", "-"),
    "earlier stage": ("s", "--"),
    "all stages": ("P", "-"),
    "fine-tuning": ("^", "-."),
    "pretrained start": ("D", ":"),
    "scaled start": ("X", "--"),
    "scratch": ("v", "-"),
}
_SHORT = {
    "probe": "linear probe\non CNN codes",
    "earlier stage": "SVM on an\nearlier stage",
    "fine-tuning": "fine-tune the\nwhole network",
    "pretrained start": "train all, from\npretrained weights",
}


@styled
def plot_map(
    measured: DecisionMap,
    dataset: str,
    per_class: int,
    votes: Mapping[str, int] | None = None,
    reveal: bool = True,
) -> Axes:
    """The 2 x 2 map with "you are here", the room's vote, and the measured bars.

    Parameters
    ----------
    measured : DecisionMap of one network
    votes : dict from way to a number of hands, optional
    reveal : bool
        False leaves the measured bars out, until everybody has voted.
    """
    figure = plt.figure(figsize=(11.5, 3.9))
    plt.close(figure)
    # In fixed places: to have Matplotlib find them takes as long as the drawing.
    _draw_quadrants(figure, dataset, per_class)
    bars = figure.add_axes((0.47, 0.19, 0.525, 0.71))
    told = _draw_bars(bars, measured, dataset, per_class, votes or {}, reveal)
    size, likeness = quadrant(dataset, per_class)
    hands = ", ".join(f"{count} {said('for')} {said(way)}" for way, count in (votes or {}).items() if count)
    many = "few" if size == "small" else "many"
    here = said(
        f"The decision map. You are at {dataset} with {per_class} images per class: {many} and {likeness}, "
        f"where the rule is: {RULE[size, likeness]}."
    )
    figure.alt_text = " ".join([here, *([said(f"Hands up: {hands}.")] if hands else []), told])
    return bars


def _draw_quadrants(figure: Figure, dataset: str, per_class: int) -> None:
    """The four fields in the left part of the figure; without axes, which take longer than all that is in them."""
    here = quadrant(dataset, per_class)
    place = Affine2D().scale(0.335 / 2, 0.75 / 2).translate(0.065, 0.15) + figure.transFigure

    def write(x: float, y: float, words: str, right: float = 0, up: float = 0, **look: object) -> None:
        """Words in the unit of the fields, moved by so many points."""
        moved = place + ScaledTranslation(right / 72, up / 72, figure.dpi_scale_trans)
        figure.text(x, y, words, transform=moved, **{"ha": "center", "va": "center", **look})

    for (size, likeness), way in RULE.items():
        x, y = float(likeness == "different"), float(size == "large")
        mine = (size, likeness) == here
        ground = to_rgba(COLOURS[4], 0.3) if mine else to_rgba(grid_colour(), 0.35)
        figure.add_artist(Rectangle((x, y), 1, 1, facecolor=ground, edgecolor=paper(), lw=3, transform=place))
        write(x + 0.5, y + 0.82, _SHORT[way], fontsize=10.5)
    stops = MAPS[world_of(dataset)]
    similar, different = stops[:SIMILAR], stops[SIMILAR:]
    # Each half is shared evenly by its targets.
    rank = RANK[dataset] - 0.5
    x = rank / SIMILAR if dataset in similar else 1 + (rank - SIMILAR) / len(different)
    # Within its half, a size stands on a logarithmic scale.
    y = 0.26 + 0.14 * np.log2(per_class / 5) if here[0] == "small" else 1.26 + 0.14 * np.log2(per_class / 100)
    y = np.clip(y, *((0.15, 0.6) if here[0] == "small" else (1.15, 1.6)))
    mark = {"marker": "o", "color": COLOURS[1], "markersize": 15, "markeredgecolor": ink()}
    figure.add_artist(Line2D([x], [y], transform=place, zorder=5, **mark))
    # Below the point, and within the map.
    write(np.clip(x, 0.3, 1.7), y, "you are here", up=-21, va="baseline", fontsize=10, weight="bold", zorder=6)
    for half, names in enumerate((similar, different)):
        words = f"{('similar', 'very different')[half]}\n{', '.join(names)}"
        write(half + 0.5, 0, words, up=-3.5, va="top", fontsize=12 if len(stops) < 5 else 10)
        many = f"{('few', 'many')[half]}\nimages"
        write(0, half + 0.5, many, right=-3.5, ha="right", va="center_baseline", fontsize=12)
    write(0, 2, "The rule of the literature", up=12, ha="left", va="baseline", fontsize=12, weight="bold")


def _draw_bars(
    axes: Axes, measured: DecisionMap, dataset: str, per_class: int, votes: Mapping[str, int], reveal: bool
) -> str:
    """The measured bars with the votes below their names; returns what they say in words."""
    here, total = measured.at(dataset, per_class), sum(votes.values())
    shown = [way for way in WAYS if way in CHOICES or way in here.ways]
    shares = {way: votes.get(way, 0) / total for way in shown if total and way in CHOICES}
    labels = [said(TWO_LINES.get(way, way)) for way in shown]
    labels = [
        f"{label}\n{said(f'vote {shares[way]:.0%}')}" if way in shares else label for label, way in zip(labels, shown)
    ]
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.set_ylim(0, 122)
    axes.set_yticks(range(0, 101, 20))
    axes.set_xticks(range(len(labels)), labels, fontsize=10.5)
    axes.grid(axis="x", visible=False)
    axes.set_ylabel("test accuracy (%)")
    axes.set_title(place_title(measured, dataset, per_class), fontsize=12)
    if reveal:
        found = "; ".join(_draw_measured(axes, here, shown))
        return said(f"Measured: {found}.") + left_out(measured.missing(dataset, per_class))
    axes.text(0.5, 0.5, "?", transform=axes.transAxes, ha="center", va="center", fontsize=60, color="#999999")
    return said("The measurement is not shown yet.")


def _draw_measured(axes: Axes, here: Comparison, shown: Sequence[str]) -> list[str]:
    """A bar with its interval for each of the ways shown that was measured; returns each in words."""
    found = {way: here.accuracy(way) for way in here.ways}
    seconds = {way: np.median(here.values(way, "seconds")) for way in found}
    mean, low, high = 100 * np.array(list(found.values())).T
    places = [shown.index(way) for way in found]
    colours, hatches = ([look.get(way, "") for way in found] for look in (WAY_COLOURS, _HATCHES))
    axes.bar(places, mean, 0.62, color=colours, hatch=hatches, edgecolor=ink(), alpha=0.85)
    axes.errorbar(places, mean, yerr=[mean - low, high - mean], fmt="none", color=ink(), capsize=5, linewidth=1.8)
    above = axes.transData + ScaledTranslation(0, 4 / 72, axes.figure.dpi_scale_trans)  # quicker than an annotation
    for place, way, top in zip(places, found, np.fmax(mean, high)):
        words = f"{found[way].mean:.1%}\n{seconds[way]:.{0 if seconds[way] >= 10 else 1}f} s"
        axes.text(place, top, words, transform=above, ha="center", fontsize=10.5)
    for k in set(range(len(shown))) - set(places):
        axes.text(k, 3, "not measured\nyet", ha="center", fontsize=10, color="#777777")
    return [said(f"{said(way)} {said(str(mean))} in {seconds[way]:.1f} s") for way, mean in found.items()]


def place_title(measured: DecisionMap, dataset: str, per_class: int) -> str:
    """A place in words; of photos, which several networks know, with its network."""
    if world_of(dataset) == "photos":
        return f"{dataset}, {per_class} images per class ({measured.networks[0]})"
    return f"{dataset}, {per_class} images per class"


@styled
def plot_stages(sweeps: Mapping[str, Mapping[str, Sequence[float]]], mark: str | None = None, title: str = "") -> Axes:
    """Test accuracy of a linear SVM on each stage, from early to late, with 95 % intervals from three seeds on.

    Parameters
    ----------
    sweeps : dict from a name to a dict from stage to accuracies, one a seed
    mark : a stage to point at, optional
    """
    checks.text(title=title)
    for name, sweep in checks.mapping("sweeps", sweeps, "a sweep").items():
        for stage, values in checks.mapping(f"sweeps[{name!r}]", sweep, "accuracies", fewest=0).items():
            checks.numbers(f"sweeps[{name!r}][{stage!r}]", values)
    stages = dict.fromkeys(stage for sweep in sweeps.values() for stage in sweep)
    if mark is not None and stages:
        checks.choose("stage", mark, stages)
    axes, ends = new_figure(7.6, 4.2, framed=True), []
    for name, sweep in sweeps.items():
        means = [if_enough(accuracy_interval, values) for values in sweep.values()]
        (line,) = axes.plot(range(len(means)), [100 * m.mean for m in means], label=name)
        low, high = ([100 * getattr(m, side) for m in means] for side in ("low", "high"))
        axes.fill_between(range(len(means)), low, high, color=line.get_color(), alpha=0.18, linewidth=0)
        found = ", ".join(f"{stage} {said(str(m))}" for stage, m in zip(sweep, means))
        ends.append(f"{name}: {found or 'not measured yet'}")
        if mark in sweep:
            k = list(sweep).index(mark)
            axes.axvline(k, color=grid_colour(), linewidth=8, zorder=0)
            axes.annotate(
                f"{means[k].mean:.1%}",
                (k, 100 * means[k].mean),
                xytext=(0, 10),
                textcoords="offset points",
                ha="center",
                weight="bold",
            )
    stages = list(next(iter(sweeps.values())))
    if not stages:
        axes.text(0.5, 0.5, "not measured yet", transform=axes.transAxes, ha="center", color="#777777")
    axes.set_xticks(range(len(stages)), stages)
    axes.set_xlabel("stage that the SVM reads, from early to late")
    axes.set_ylabel("test accuracy (%)")
    axes.set_ylim(bottom=0)
    axes.set_title(title)
    if len(sweeps) > 1:
        axes.legend()
    axes.figure.alt_text = f"{title or 'A linear SVM on each stage'}. {'. '.join(ends)}."
    return axes


@styled
def plot_overview(measured: DecisionMap) -> Axes:
    """The whole map of one network, a figure for each target: test accuracy of every way against images per class."""
    targets = measured.datasets
    figure, panels = plt.subplots(
        1, len(targets), figsize=(3.25 * len(targets), 4.4), sharey=True, layout="constrained", squeeze=False
    )
    plt.close(figure)
    told = [words for axes, dataset in zip(panels[0], targets) for words in _draw_target(axes, measured, dataset)]
    first = panels[0, 0]
    first.set_ylabel("test accuracy (%)")
    first.set_ylim(0, 100)
    lines = {line.get_label(): line for axes in panels[0] for line in axes.get_lines()}
    ways = [way for way in WAYS if way in lines]
    figure.legend([lines[way] for way in ways], ways, loc="outside lower center", ncols=len(ways), frameon=False)
    sized = ", ".join(map(str, measured.sizes))
    about = said(f"Test accuracy at {sized} images per class, mean of the draws.")
    figure.alt_text = f"{about} {'; '.join(told)}."
    return first


def _draw_target(axes: Axes, measured: DecisionMap, dataset: str) -> list[str]:
    """A line for each way at one target; returns each in words."""
    sizes, told = measured.sizes_of(dataset), []
    places = {size: measured.at(dataset, size) for size in sizes}
    for way in WAYS:
        means = {size: here.accuracy(way) for size, here in places.items() if way in here.ways}
        if not means:
            continue
        look = dict(zip(("marker", "linestyle"), _LINES[way]), color=WAY_COLOURS[way])
        axes.plot(list(means), [100 * m.mean for m in means.values()], label=way, markersize=6, **look)
        low, high = ([100 * getattr(m, side) for m in means.values()] for side in ("low", "high"))
        axes.fill_between(list(means), low, high, color=look["color"], alpha=0.18, linewidth=0)
        told.append(f"{dataset}, {said(way)}: " + ", ".join(f"{m.mean:.0%}" for m in means.values()))
    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set_title(dataset, fontsize=12)
    axes.set_xlabel("images per class")
    return told
