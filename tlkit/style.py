"""How figures look: one style for the whole course, light or dark, and how a figure gets into a page."""

import base64
import html
import io
import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import matplotlib.pyplot as plt
from cycler import cycler
from IPython.display import display
from matplotlib.axes import Axes

from tlkit import checks

__all__ = ["show", "use_theme"]

# Okabe and Ito (2008): told apart by people who see colours differently.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLE = {
    "figure.dpi": 110,
    "font.size": 12,
    "axes.titlesize": 14,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.titley": 1.0,  # where it stands is not searched for each time: nothing is above the axes
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 2.2,
    "lines.markersize": 8,
    "errorbar.capsize": 4,
    "axes.prop_cycle": cycler(color=COLOURS[:5], marker=list("os^Dv"), linestyle=["-", "--", "-.", ":", "-"]),
}
_THEMES = {"light": ("#000000", "#ffffff", "#dddddd"), "dark": ("#e8e8e8", "#16181c", "#3a3e45")}  # ink, paper, grid
_theme = "light"


def use_theme(name: str) -> None:
    """Draw the figures that follow on light paper, or on dark for a dark room.

    Parameters
    ----------
    name : {"light", "dark"}
    """
    global _theme
    _theme = checks.choose("theme", name, _THEMES)


def ink() -> str:
    """The colour of text and edges in the figure that is being drawn."""
    return plt.rcParams["text.color"]


def paper() -> str:
    """The colour of the ground in the figure that is being drawn."""
    return plt.rcParams["figure.facecolor"]


def grid_colour() -> str:
    """A colour a little off the paper."""
    return plt.rcParams["grid.color"]


def _settings() -> dict[str, object]:
    ink, paper, grid = _THEMES[_theme]
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    grounds = ("figure.facecolor", "axes.facecolor")
    return _STYLE | dict.fromkeys(inked, ink) | dict.fromkeys(grounds, paper) | {"grid.color": grid}


P, R = ParamSpec("P"), TypeVar("R")
_drawing = threading.RLock()


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw in the style of the course, one figure at a time: Matplotlib's settings belong to all threads."""

    @wraps(draw)
    def locked(*args: P.args, **kwargs: P.kwargs) -> R:
        with _drawing, plt.rc_context(_settings()):
            return draw(*args, **kwargs)

    return locked


def show(axes: Axes) -> None:
    """Display the figure of ``axes`` once, with a description for those who do not see it."""
    display({"text/html": as_html(axes), "text/plain": axes.figure.alt_text}, raw=True)


def as_html(axes: Axes, dpi: int | None = None) -> str:
    """The figure of ``axes`` as an ``<img>`` with its picture and its alt text inside, ``dpi`` pixels an inch.

    A figure without a layout engine is kept as large as it is; others lose their white margins.
    """
    figure, data = axes.figure, io.BytesIO()
    trim, dpi = "tight" if figure.get_layout_engine() else None, dpi or figure.dpi
    if any(panel.images for panel in figure.axes):
        # A sheet of pictures takes a fifth of the bytes as JPEG, and a tenth of the time.
        kind, how, width = "jpeg", {"pil_kwargs": {"quality": 90, "subsampling": 0}}, ""
    elif trim:
        kind, how, width = "png", {"pil_kwargs": {"compress_level": 1}}, ""
    else:
        # It answers a control, and must be quick: shapes are written in half the time that painting them takes.
        kind, how, width = "svg+xml", {}, f"width:{figure.get_figwidth() * dpi:.0f}px;"
    with _drawing:
        figure.savefig(data, format=kind.removesuffix("+xml"), bbox_inches=trim, dpi=dpi, **how)
        plt.close(figure)
    source = base64.b64encode(data.getvalue()).decode()
    alt = html.escape(figure.alt_text, quote=True)
    return f'<img alt="{alt}" style="{width}max-width:100%" src="data:image/{kind};base64,{source}">'


def new_figure(width: float, height: float, alt: str = "", framed: bool = False) -> Axes:
    """Axes of a new figure of this size in inches; the notebook shows it when asked to, and only then.

    ``framed`` leaves the same room for title and labels around every one, and is drawn in half the
    time: for figures that answer a control.
    """
    if framed:
        figure = plt.figure(figsize=(width, height))
        axes = figure.add_axes((0.8 / width, 0.65 / height, 1 - 0.9 / width, 1 - 1.1 / height))
    else:
        figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
    plt.close(figure)
    figure.alt_text = alt
    return axes
