"""Figures of the decision map: where you are on it, what was measured there, how the stages compare."""

import base64
import io
from collections.abc import Mapping, Sequence
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from PIL import Image
from torch import Tensor

from tlkit.figures.galleries import mosaic
from tlkit.figures.style import COLOURS, grid_colour, ink, new_figure, paper, styled
from tlkit.intervals import accuracy_interval, if_enough
from tlkit.study.comparison import Comparison
from tlkit.study.decision import DecisionMap
from tlkit.study.places import RULE, SIMILAR, STOPS, quadrant
from tlkit.world.catalogue import OFFLINE_DATASETS, draw_pictures

__all__ = ["plot_overview", "plot_stages"]

_SHORT = {
    "probe": "linear probe\non CNN codes",
    "earlier stage": "SVM on an\nearlier stage",
    "fine-tuning": "fine-tune the\nwhole network",
    "pretrained start": "train all, from\npretrained weights",
}


@cache
def example_pictures(dataset: str, count: int = 8) -> Tensor:
    """One training picture each of ``count`` classes spread over the dataset, uint8 ``(count, 3, 64, 64)``."""
    classes = torch.linspace(0, len(OFFLINE_DATASETS[dataset].class_names) - 1, count).long()
    return draw_pictures(dataset, "train", classes, torch.zeros_like(classes), seed=0, size=64)


@cache
def example_strip(dataset: str, count: int = 14) -> str:
    """Example pictures side by side, as an ``<img>``."""
    data = io.BytesIO()
    Image.fromarray(mosaic(example_pictures(dataset, count), count)).save(data, "jpeg", quality=90)
    source = base64.b64encode(data.getvalue()).decode()
    return f'<img alt="{count} pictures of {dataset}" style="max-width:100%" src="data:image/jpeg;base64,{source}">'


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
    votes : dict from way to a number of hands, optional
    reveal : bool
        False leaves the measured bars out, until everybody has voted.
    """
    figure = plt.figure(figsize=(11.5, 3.9))
    plt.close(figure)
    # In fixed places: to have Matplotlib find them takes as long as the drawing.
    _draw_quadrants(figure.add_axes((0.065, 0.15, 0.335, 0.75)), dataset, per_class)
    bars = figure.add_axes((0.47, 0.19, 0.525, 0.71))
    said = _draw_bars(bars, measured, dataset, per_class, votes or {}, reveal)
    size, likeness = quadrant(dataset, per_class)
    hands = ", ".join(f"{count} for {way}" for way, count in (votes or {}).items() if count)
    many = "few" if size == "small" else "many"
    figure.alt_text = (
        f"The decision map. You are at {dataset} with {per_class} images per class: {many} and {likeness}, "
        f"where the rule is: {RULE[size, likeness]}. {f'Hands up: {hands}. ' if hands else ''}{said}"
    )
    return bars


def _draw_quadrants(axes: Axes, dataset: str, per_class: int) -> None:
    here = quadrant(dataset, per_class)
    for (size, likeness), way in RULE.items():
        x, y = float(likeness == "different"), float(size == "large")
        mine = (size, likeness) == here
        ground = to_rgba(COLOURS[4], 0.3) if mine else to_rgba(grid_colour(), 0.35)
        axes.add_patch(plt.Rectangle((x, y), 1, 1, facecolor=ground, edgecolor=paper(), lw=3))
        axes.text(x + 0.5, y + 0.82, _SHORT[way], ha="center", va="center", fontsize=10.5)
    x = (OFFLINE_DATASETS[dataset].similarity - 0.5) / len(STOPS)
    # Within its half, a size stands on a logarithmic scale.
    y = 0.26 + 0.14 * np.log2(per_class / 5) if here[0] == "small" else 1.26 + 0.14 * np.log2(per_class / 100)
    y = np.clip(y, *((0.15, 0.6) if here[0] == "small" else (1.15, 1.6)))
    axes.plot(2 * x, y, "o", color=COLOURS[1], markersize=15, markeredgecolor=ink(), zorder=5)
    axes.annotate(
        "you are here",
        (2 * x, y),
        xytext=(0, -21),
        textcoords="offset points",
        ha="center",
        fontsize=10,
        weight="bold",
    )
    axes.set_xlim(0, 2)
    axes.set_ylim(0, 2)
    axes.set_xticks(
        [0.5, 1.5], [f"similar\n{', '.join(STOPS[:SIMILAR])}", f"very different\n{', '.join(STOPS[SIMILAR:])}"]
    )
    axes.set_yticks([0.5, 1.5], ["few\nimages", "many\nimages"])
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set_title("The rule of the literature", fontsize=12)


def _draw_bars(
    axes: Axes, measured: DecisionMap, dataset: str, per_class: int, votes: Mapping[str, int], reveal: bool
) -> str:
    """The measured bars with the votes below their names; returns what they say in words."""
    here, total = measured.at(dataset, per_class), sum(votes.values())
    shares = {way: f"\nvote {votes.get(way, 0) / total:.0%}" if total else "" for way in here.ways}
    labels = [way.replace(" ", "\n", 1) + share for way, share in shares.items()]
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.set_ylim(0, 122)
    axes.set_yticks(range(0, 101, 20))
    axes.set_xticks(range(len(labels)), labels, fontsize=10.5)
    axes.grid(axis="x", visible=False)
    axes.set_ylabel("test accuracy (%)")
    axes.set_title(f"{dataset}, {per_class} images per class", fontsize=12)
    if reveal:
        return f"Measured: {'; '.join(_draw_measured(axes, here))}."
    axes.text(0.5, 0.5, "?", transform=axes.transAxes, ha="center", va="center", fontsize=60, color="#999999")
    return "The measurement is not shown yet."


def _draw_measured(axes: Axes, here: Comparison) -> list[str]:
    """A bar with its interval for each way; returns each in words."""
    found = {way: here.accuracy(way) for way in here.ways}
    seconds = {way: np.median(here.values(way, "seconds")) for way in here.ways}
    mean, low, high = 100 * np.array(list(found.values())).T
    places, hatches = range(len(mean)), ["", "//", "..", "xx", "\\\\"]
    shown = {"color": COLOURS[: len(mean)], "hatch": hatches[: len(mean)], "edgecolor": ink(), "alpha": 0.85}
    axes.bar(places, mean, 0.62, **shown)
    axes.errorbar(places, mean, yerr=[mean - low, high - mean], fmt="none", color=ink(), capsize=5, linewidth=1.8)
    for k, (way, interval) in enumerate(found.items()):
        words = f"{interval.mean:.1%}\n{seconds[way]:.{0 if seconds[way] >= 10 else 1}f} s"
        above = {"textcoords": "offset points", "xytext": (0, 4), "ha": "center", "fontsize": 10.5}
        axes.annotate(words, (k, np.fmax(mean, high)[k]), **above)
    return [f"{way} {interval} in {seconds[way]:.1f} s" for way, interval in found.items()]


@styled
def plot_stages(sweeps: Mapping[str, Mapping[str, Sequence[float]]], mark: str | None = None, title: str = "") -> Axes:
    """Test accuracy of a linear SVM on each stage, from early to late, with 95 % intervals from three seeds on.

    Parameters
    ----------
    sweeps : dict from a name to a dict from stage to accuracies, one a seed
    mark : a stage to point at, optional
    """
    axes, ends = new_figure(7.6, 4.2, framed=True), []
    for name, sweep in sweeps.items():
        means = [if_enough(accuracy_interval, values) for values in sweep.values()]
        (line,) = axes.plot(range(len(means)), [100 * m.mean for m in means], label=name)
        low, high = ([100 * getattr(m, side) for m in means] for side in ("low", "high"))
        axes.fill_between(range(len(means)), low, high, color=line.get_color(), alpha=0.18, linewidth=0)
        ends.append(f"{name}: " + ", ".join(f"{stage} {m}" for stage, m in zip(sweep, means)))
        if mark is not None:
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
    """The whole map in four figures, one a target: test accuracy of every way against images per class."""
    figure, panels = plt.subplots(1, len(STOPS), figsize=(13, 4.4), sharey=True, layout="constrained")
    plt.close(figure)
    sizes, said = measured.sizes, []
    for axes, dataset in zip(panels, STOPS):
        for way in measured.at(dataset, sizes[0]).ways:
            means = [measured.at(dataset, size).accuracy(way) for size in sizes]
            (line,) = axes.plot(sizes, [100 * m.mean for m in means], label=way, markersize=6)
            low, high = ([100 * getattr(m, side) for m in means] for side in ("low", "high"))
            axes.fill_between(sizes, low, high, color=line.get_color(), alpha=0.18, linewidth=0)
            said.append(f"{dataset}, {way}: " + ", ".join(f"{m.mean:.0%}" for m in means))
        axes.set_xscale("log")
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        axes.set_title(dataset, fontsize=12)
        axes.set_xlabel("images per class")
    panels[0].set_ylabel("test accuracy (%)")
    panels[0].set_ylim(0, 100)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    sized = ", ".join(map(str, sizes))
    figure.alt_text = f"Test accuracy at {sized} images per class, mean of the draws. {'; '.join(said)}."
    return panels[0]
