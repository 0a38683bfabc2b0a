"""Heat maps over a meadow: where a network sees which species (lesson 10)."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from tlkit import checks
from tlkit.figures.style import styled
from tlkit.language import said
from tlkit.world.catalogue import OFFLINE_DATASETS
from tlkit.world.meadow import Meadow

__all__ = ["plot_heat"]


@styled
def plot_heat(meadow: Meadow, maps: Mapping[str, np.ndarray], window: int = 64, pace: int = 8) -> Axes:
    """The meadow, and how likely each of some species is at each place, laid over it.

    The flowers of the species are circled; no window fits outside of the dotted frame.

    Parameters
    ----------
    meadow : Meadow
    maps : dict from a species to probabilities (rows, columns)
        The first is that of a window in the upper left corner.
    window, pace : int
        The side of a window, and how far apart two of them are, in pixels.
    """
    checks.instance("meadow", meadow, Meadow)
    checks.count("window", window, 1, checks.MANY)
    checks.count("pace", pace, 1, checks.MANY)
    maps = checks.mapping("maps", maps, "probabilities (rows, columns)")
    maps = {name: checks.numbers(f"maps[{name!r}]", heat, dimensions=2) for name, heat in maps.items()}
    names, picture = OFFLINE_DATASETS["flowers"].class_names, meadow.image.permute(1, 2, 0).numpy()
    figure, panels = plt.subplots(
        (len(maps) + 2) // 2, 2, figsize=(11.5, 3.95 * ((len(maps) + 2) // 2)), layout="constrained"
    )
    plt.close(figure)
    for axes in panels.flat:
        axes.set_axis_off()
    panels.flat[0].imshow(picture, interpolation="lanczos")
    panels.flat[0].set_title("the meadow")
    told = []
    for axes, (name, heat) in zip(panels.flat[1:], maps.items()):
        own = [place for label, place in zip(meadow.labels, meadow.places) if names[label] == name]
        glow = _lay_over(axes, picture, heat, window, pace)
        axes.set_title(name)
        for row, column in own:
            axes.add_patch(plt.Circle((column, row), 0.6 * window, fill=False, color="white", linewidth=1.6))
        where = said(_brightest(heat, own, window, pace))
        told.append(said(f"{name}, {len(own)} flowers: the brightest place has {heat.max():.0%}, {where}"))
    figure.colorbar(glow, ax=panels, shrink=0.5, pad=0.02).set_label("probability of the species", labelpad=10)
    about = said(
        f"A meadow with {len(meadow.labels)} flowers, and heat maps of {len(maps)} species laid over it. "
        "The flowers of the species are circled."
    )
    figure.alt_text = f"{about} {'; '.join(told)}."
    return panels.flat[0]


def _lay_over(axes: Axes, picture: np.ndarray, heat: np.ndarray, window: int, pace: int):
    """The picture in grey with the map glowing over it; returns what the colour bar needs."""
    axes.imshow(picture.mean(-1), cmap="gray", vmin=0, vmax=420, interpolation="lanczos")
    first, (rows, columns) = (window - pace) / 2, heat.shape
    extent = (first, first + columns * pace, first + rows * pace, first)
    glow = axes.imshow(
        heat, cmap="inferno", vmin=0, vmax=1, alpha=0.85 * heat**0.5, extent=extent, interpolation="bicubic"
    )
    frame = plt.Rectangle((first, first), columns * pace, rows * pace, fill=False, edgecolor="white", alpha=0.35)
    frame.set(linestyle=":", linewidth=1.2)  # further out no window fits
    axes.add_patch(frame)
    axes.set_xlim(0, picture.shape[1])
    axes.set_ylim(picture.shape[0], 0)
    return glow


def _brightest(heat: np.ndarray, own: list[tuple[int, int]], window: int, pace: int) -> str:
    """Where the brightest place lies, in words."""
    row, column = (window / 2 + pace * k for k in np.unravel_index(heat.argmax(), heat.shape))
    away = min((np.hypot(row - r, column - c) for r, c in own), default=None)
    return "there is none" if away is None else f"{away:.0f} pixels from the nearest of them"
