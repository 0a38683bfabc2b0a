"""Figures that show pictures: rows of them, what a split holds, what was taken for what, and what lies nearest."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from tlkit import checks
from tlkit.data.splits import ImageSet, Split
from tlkit.figures.colours import COLOURS
from tlkit.figures.style import new_figure, styled
from tlkit.language import said

__all__ = ["plot_answers", "plot_mistakes", "plot_neighbours", "plot_pictures", "plot_split"]

_WIDEST = 100  # pictures in a row


def mosaic(images: Tensor, columns: int, gap: int = 3) -> np.ndarray:
    """Tile pictures into one uint8 array (h, w, 3), row by row, with white gaps."""
    count, _, height, width = images.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for k, picture in enumerate(images.permute(0, 2, 3, 1).numpy()):
        top, left = (k // columns) * (height + gap), (k % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def _labels(name: str, given: Sequence[int], images: Tensor, class_names: Sequence[str]) -> np.ndarray:
    """One label a picture, each of a class that has a name, as an int array; else ValueError or TypeError."""
    found = checks.rows(name, given, len(class_names), f" (there are {len(class_names)} class_names)")
    checks.same_length("pictures", len(checks.images(images)), name, len(found))
    return found


@styled
def plot_pictures(images: Tensor, row_names: Sequence[str], title: str = "") -> Axes:
    """Pictures in rows, a name before each row.

    Parameters
    ----------
    images : uint8 tensor (n, 3, h, w), row after row; n must be a multiple of the number of rows
    row_names : one for each row
    """
    checks.images(images)
    checks.text(title=title)
    row_names = checks.texts("row_names", row_names)
    columns, rest = divmod(len(images), len(row_names))
    if rest:
        raise ValueError(f"{len(images)} pictures do not fill {len(row_names)} rows evenly.")
    told = said(f"{columns} pictures in each of {len(row_names)} rows")
    axes = new_figure(
        2.0 + columns * 0.72,
        0.5 + len(row_names) * 0.72,
        f"{said(title or 'Pictures')}: {told}: {', '.join(map(said, row_names))}.",
    )
    sheet = mosaic(images, columns)
    axes.imshow(sheet, interpolation="hanning", aspect="equal")  # looks like Lanczos, in half the time
    step = sheet.shape[0] / len(row_names)
    axes.set_yticks([step * (k + 0.5) for k in range(len(row_names))], row_names)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set_title(title)
    return axes


def plot_split(split: Split, columns: int = 10) -> Axes:
    """A contact sheet: the first training pictures of every class (as many as there are), a row each."""
    checks.instance("split", split, Split)
    columns = min(checks.count("columns", columns, 1), split.fewest)
    if not columns:
        raise ValueError(f"A class of {split.name} has no training picture to show: see split.train.labels.bincount().")
    first = split.train.first(columns)
    by_class = first.images[first.labels.argsort(stable=True)]
    return plot_pictures(by_class, split.class_names, f"{split.name}: {columns} pictures of each class")


@styled
def plot_mistakes(
    images: Tensor,
    labels: Sequence[int],
    predicted: Sequence[int],
    class_names: Sequence[str],
    columns: int = 6,
    rows: int = 2,
) -> Axes:
    """A spread of the pictures that were taken for something else, with both names below each."""
    checks.count("columns", columns, 1, _WIDEST)
    checks.count("rows", rows, 1, checks.MANY)
    class_names = checks.texts("class_names", class_names)
    labels = _labels("labels", labels, images, class_names)
    predicted = _labels("predicted", predicted, images, class_names)
    wrong = np.flatnonzero(labels != predicted)
    shown = wrong[np.linspace(0, len(wrong) - 1, min(len(wrong), columns * rows)).astype(int)] if len(wrong) else wrong
    pairs = [f"{class_names[labels[k]]} taken for {class_names[predicted[k]]}" for k in shown]
    axes = new_figure(
        columns * 1.75,
        max(1, -(-len(shown) // columns)) * 2.25 + 0.5,
        f"{len(wrong)} of {len(labels)} pictures were mistaken. Shown: {'; '.join(pairs) or 'none'}.",
    )
    axes.set_title(f"{len(wrong)} of {len(labels)} mistaken; {len(shown)} of them")
    axes.set_axis_off()
    side = images.shape[-1]
    for k, row in enumerate(shown):
        left, top = (k % columns) * side * 1.25, (k // columns) * side * 1.6
        axes.imshow(
            images[row].permute(1, 2, 0).numpy(), extent=(left, left + side, top + side, top), interpolation="lanczos"
        )
        axes.text(
            left, top + side * 1.06, class_names[labels[row]], va="top", fontsize=9.5, color=COLOURS[2], weight="bold"
        )
        axes.text(left, top + side * 1.24, f"→ {class_names[predicted[row]]}", va="top", fontsize=9.5, color=COLOURS[1])
    axes.set_xlim(-2, columns * side * 1.25)
    axes.set_ylim(max(1, -(-len(shown) // columns)) * side * 1.6, -4)
    return axes


@styled
def plot_answers(
    images: Tensor,
    labels: Sequence[int],
    answers: Mapping[str, Sequence[int]],
    class_names: Sequence[str],
    columns: int = 12,
    title: str = "",
) -> Axes:
    """The same pictures once for each classifier, ticked or crossed, with its answer below.

    Parameters
    ----------
    images : uint8 tensor (n, 3, h, w); ``columns`` of them, evenly spread, are shown
    labels : n true classes
    answers : name of a classifier -> its n answers
    class_names : one for each class
    """
    checks.text(title=title)
    checks.count("columns", columns, 1, _WIDEST)
    class_names = checks.texts("class_names", class_names)
    labels = _labels("labels", labels, images, class_names)
    answers = checks.mapping("answers", answers, "labels")
    given = {name: _labels(f"answers of {name}", each, images, class_names) for name, each in answers.items()}
    shown = np.linspace(0, len(labels) - 1, min(len(labels), columns)).astype(int)
    counts = {said(name): int((each == labels)[shown].sum()) for name, each in given.items()}
    found = ", ".join(f"{name} {count} {said('right')}" for name, count in counts.items())
    share = ", ".join(f"{said(name)} {np.mean(each == labels):.0%}" for name, each in given.items())
    told = said(f"Of the same {len(shown)} pictures {found}. Of all {len(labels)}: {share}.")
    alt = f"{said(title)}{'. ' * bool(title)}{told}"
    axes = new_figure(1.6 + len(shown) * 0.86, 0.9 + len(given) * 1.3, alt)
    for row, each in enumerate(given.values()):
        for column, k in enumerate(shown):
            picture = images[k].permute(1, 2, 0).numpy()
            mark_answer(axes, picture, (column, 1.5 * row), class_names[each[k]], each[k] == labels[k])
    axes.set_xlim(-0.05, len(shown))
    axes.set_ylim(1.5 * len(given) - 0.06, -0.04)
    axes.set_yticks(
        1.5 * np.arange(len(given)) + 0.46,
        [f"{name}\n{np.mean(each == labels):.0%} of {len(labels)}" for name, each in given.items()],
    )
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set_title(title or f"Of the same {len(shown)} pictures: {found}")
    return axes


def mark_answer(axes: Axes, picture: np.ndarray, corner: tuple[float, float], answer: str, right: bool) -> None:
    """A picture in a frame, with a tick or a cross, and the answer in two lines below it."""
    (left, top), colour = corner, COLOURS[2] if right else COLOURS[1]
    axes.imshow(picture, extent=(left, left + 0.92, top + 0.92, top), interpolation="lanczos")
    axes.add_patch(plt.Rectangle((left, top), 0.92, 0.92, fill=False, edgecolor=colour, linewidth=2.5))
    first, _, rest = answer.partition(" ")
    words = f"{'✓' if right else '✗'} {first}\n{rest}"
    style = {"va": "top", "fontsize": 8, "color": colour, "weight": "bold", "parse_math": False}
    axes.text(left, top + 0.97, words, linespacing=1.1, **style)


@styled
def plot_neighbours(
    queries: ImageSet, pool: ImageSet, nearest: np.ndarray, class_names: Sequence[str], title: str = ""
) -> Axes:
    """Each query picture, then its nearest neighbours in ``pool``; those of its own class are framed.

    Parameters
    ----------
    queries, pool : ImageSet
    nearest : int array (len(queries), m), rows of ``pool``, nearest first
    """
    checks.text(title=title)
    checks.instance("queries", queries, ImageSet)
    checks.instance("pool", pool, ImageSet)
    nearest = checks.rows("nearest", nearest, len(pool), ", rows of pool", dimensions=2)
    checks.same_length("rows of nearest", len(nearest), "labels of queries", len(queries))
    class_names = checks.texts("class_names", class_names, fewest=int(queries.labels.max()) + 1)
    same = pool.labels.numpy()[nearest] == queries.labels.numpy()[:, None]
    rows, columns = nearest.shape
    names = [class_names[label] for label in queries.labels]
    counts = ", ".join(f"{name} {count}" for name, count in zip(names, same.sum(1)))
    axes = new_figure(
        2.0 + (columns + 1.4) * 0.8,
        0.6 + rows * 0.85,
        f"{title or 'Nearest neighbours'}: of the {columns} nearest, how many are of the same class: {counts}.",
    )
    for row in range(rows):
        for column in range(columns + 1):
            picture = queries.images[row] if column == 0 else pool.images[nearest[row, column - 1]]
            left = column + (0.4 if column else 0.0)
            axes.imshow(
                picture.permute(1, 2, 0).numpy(), extent=(left, left + 0.92, row + 0.92, row), interpolation="lanczos"
            )
            if column and same[row, column - 1]:
                axes.add_patch(plt.Rectangle((left, row), 0.92, 0.92, fill=False, edgecolor=COLOURS[2], linewidth=3.5))
    axes.set_xlim(-0.05, columns + 1.4)
    axes.set_ylim(rows, -0.08)
    axes.set_yticks(np.arange(rows) + 0.46, names)
    axes.set_xticks([0.46, 1.4 + columns / 2], ["the picture", "its nearest neighbours (framed: the same class)"])
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set_title(title)
    return axes
