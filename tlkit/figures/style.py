"""How figures look: one style for the whole course, and how a figure gets into a page, light or dark.

A figure is drawn once, in dark ink on white paper. Where the page is dark, the page itself turns it over:
``invert`` makes paper dark and ink light, ``hue-rotate`` gives every colour its hue back. Photos in it
stay as they are.
"""

import base64
import html
import io
import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator
from matplotlib.transforms import Bbox, BboxTransformFrom
from PIL import Image

from tlkit import checks
from tlkit.figures.colours import COLOURS
from tlkit.language import ENGLISH, in_use, said

__all__ = ["show"]

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
    "figure.facecolor": "#ffffff",
    "axes.facecolor": "#ffffff",
    "grid.color": "#dddddd",
    "lines.linewidth": 2.2,
    "lines.markersize": 8,
    "errorbar.capsize": 4,
    "axes.prop_cycle": cycler(color=COLOURS[:5], marker=list("os^Dv"), linestyle=["-", "--", "-.", ":", "-"]),
}
_STYLE |= dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), "#000000")
# Every page that says that it is dark: JupyterLab, Voila and nbconvert; Colab; VS Code; and the course's own, which
# follow the system. A page that strips styles shows the figure on white paper, as it was drawn.
_DARK = '[data-jp-theme-light="false"]', 'html[theme="dark"]', ".vscode-dark"
_TURNED = "filter:invert(.93) hue-rotate(180deg)"


def _follow(*pages: str) -> str:
    """CSS that turns figures over in these pages; of a sheet of photos, all that is not a photo."""
    figures, sheets = (",".join(f"{page} {what}" for page in pages) for what in (".tlkit-figure", ".tlkit-sheet i"))
    return f"{figures}{{{_TURNED}}}{sheets}{{-webkit-backdrop-{_TURNED};backdrop-{_TURNED}}}"


FOLLOWS_PAGE = (
    "<style>.tlkit-sheet{position:relative;display:inline-block;max-width:100%}.tlkit-sheet img{display:block}"
    f".tlkit-sheet i{{position:absolute;inset:0;pointer-events:none}}{_follow(*_DARK)}"
    f"@media (prefers-color-scheme:dark){{{_follow('.follows-system')}}}</style>"
)


def ink() -> str:
    """The colour of text and edges in the figure that is being drawn."""
    return plt.rcParams["text.color"]


def paper() -> str:
    """The colour of the ground in the figure that is being drawn."""
    return plt.rcParams["figure.facecolor"]


def grid_colour() -> str:
    """A colour a little off the paper."""
    return plt.rcParams["grid.color"]


P, R = ParamSpec("P"), TypeVar("R")
_drawing = threading.RLock()


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw in the style of the course, one figure at a time: Matplotlib's settings belong to all threads."""

    @wraps(draw)
    def locked(*args: P.args, **kwargs: P.kwargs) -> R:
        with _drawing, plt.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return locked


def show(axes: Axes) -> None:
    """Display the figure of ``axes`` once, with a description for those who do not see it.

    Raises
    ------
    TypeError
        If it is no figure of this course, and so has no description.
    """
    if not isinstance(axes, Axes) or not hasattr(axes.figure, "alt_text"):
        raise TypeError(f"show takes the Axes that a plot of this course gives, not {checks.shown(axes)}.")
    display({"text/html": as_html(axes), "text/plain": axes.figure.alt_text}, raw=True)


def as_html(axes: Axes, dpi: int | None = None) -> str:
    """The figure of ``axes`` as an ``<img>`` with its picture and its alt text inside, ``dpi`` pixels an inch.

    In a dark page it turns dark by itself. A figure without a layout engine is kept as large as it is;
    others lose their white margins.
    """
    figure, data, width = axes.figure, io.BytesIO(), ""
    has_photos, is_framed = any(panel.images for panel in figure.axes), figure.get_layout_engine() is None
    kind, dpi = "jpeg" if has_photos else "svg+xml" if is_framed else "png", dpi or figure.dpi
    with _drawing:
        translate(figure)
        if kind == "svg+xml":
            # It answers a control, and must be quick: shapes are written in half the time that painting them takes.
            figure.savefig(data, format="svg", dpi=dpi)
            width = f"width:{figure.get_figwidth() * dpi:.0f}px;"
        else:
            figure.set_dpi(dpi)
            part = _paint(figure, data, kind)
            photos = _photo_boxes(figure, part) if has_photos else []
        plt.close(figure)
    source = base64.b64encode(data.getvalue()).decode()
    alt = html.escape(figure.alt_text, quote=True)
    image = f'alt="{alt}" style="{width}max-width:100%" src="data:image/{kind};base64,{source}">'
    if not has_photos:
        return f'{FOLLOWS_PAGE}<img class="tlkit-figure" {image}'
    cover = f'<i aria-hidden="true" style="clip-path:{_all_but(photos)}"></i>'
    return f'{FOLLOWS_PAGE}<span class="tlkit-sheet"><img {image}{cover}</span>'


def translate(figure: Figure) -> None:
    """Put every word of a figure, and its description, into the language in use."""
    if in_use() == ENGLISH:
        return
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            if isinstance(axis.get_major_locator(), FixedLocator):  # its labels may be words
                axis.set_ticklabels([said(label.get_text()) for label in axis.get_ticklabels()])
    for text in figure.findobj(Text):
        text.set_text(said(text.get_text()))
    if figure.get_layout_engine() is None:
        _fit_titles(figure)
    figure.alt_text = said(figure.alt_text)


def _fit_titles(figure: Figure) -> None:
    """Set titles smaller that grew wider than a figure which keeps its size."""
    for panel in figure.axes:
        words = panel.get_title("left")
        for title in (text for text in panel.findobj(Text) if words and text.get_text() == words):
            place = title.get_window_extent()
            title.set_fontsize(title.get_fontsize() * min(1, (figure.bbox.x1 - place.x0) / place.width))


def _paint(figure: Figure, file: io.BytesIO, kind: str) -> Bbox:
    """Write the figure as a PNG or JPEG; returns the part of the canvas that it shows, in pixels from below.

    Painted once and then cut: ``savefig`` paints twice what it trims, and photos take most of the time.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    painted = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    part = Bbox.from_bounds(0, 0, *painted.size)
    # A sheet of pictures takes a fifth of the bytes as JPEG, and a tenth of the time.
    how = {"quality": 90, "subsampling": 0} if kind == "jpeg" else {"compress_level": 1}
    if figure.get_layout_engine():
        drawn = figure.get_tightbbox()
        if (drawn.min < 0).any() or (drawn.max > figure.get_size_inches()).any():
            # A legend beyond the canvas was not painted.
            figure.savefig(file, format=kind, bbox_inches="tight", dpi=figure.dpi, pil_kwargs=how)
            return _in_pixels(figure.get_tightbbox(), figure.dpi)  # of a layout that may have moved
        part = _in_pixels(drawn, figure.dpi)
    size = round(part.width), round(part.height)
    sheet = Image.new("RGB", size, tuple(round(255 * share) for share in to_rgb(figure.get_facecolor())))
    sheet.paste(painted, (-round(part.x0), round(part.y1) - painted.height))
    sheet.save(file, kind, dpi=(figure.dpi, figure.dpi), **how)
    return part


def _in_pixels(drawn: Bbox, dpi: float) -> Bbox:
    """What was drawn, in inches, with a margin around it."""
    return Bbox(np.round(drawn.padded(plt.rcParams["savefig.pad_inches"]).get_points() * dpi))


def _photo_boxes(figure: Figure, part: Bbox) -> list[Bbox]:
    """Where photos, and the colours of a colour bar, lie in a part of a figure that was painted: shares, from below."""
    boxes = [panel.bbox for panel in figure.axes if panel.get_label() == "<colorbar>"]
    for panel in figure.axes:
        boxes += filter(None, (Bbox.intersection(image.get_window_extent(), panel.bbox) for image in panel.images))
    apart: list[Bbox] = []  # what lies over a photo, as a heat map does, must not be cut out twice
    for box in sorted(boxes, key=lambda box: box.width * box.height, reverse=True):
        if not any(other.contains((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2) for other in apart):
            apart.append(box)
    return [box.padded(-0.5).transformed(BboxTransformFrom(part)) for box in apart]


def _all_but(boxes: list[Bbox]) -> str:
    """A CSS shape that covers everything but these boxes."""
    path = ["-9% -9%,109% -9%,109% 109%,-9% 109%,-9% -9%"]  # further out than the edge, which would shine through
    for box in boxes:
        left, right, top, bottom = (f"{100 * share:.2f}%" for share in (box.x0, box.x1, 1 - box.y1, 1 - box.y0))
        path.append(f"{left} {top},{left} {bottom},{right} {bottom},{right} {top},{left} {top},-9% -9%")
    return f"polygon(evenodd,{','.join(path)})"


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
