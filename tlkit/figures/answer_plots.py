"""Figures of what a classifier answers: photos with their names, and which class is taken for which."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from tlkit import checks
from tlkit.figures.style import ink, new_figure, styled
from tlkit.language import said

__all__: list[str] = []

_MOST = 20  # classes that a matrix can show and be read


@styled
def plot_names(
    images: Tensor, files: Sequence[str], best: Sequence[tuple[str, str]], scores_are: str, columns: int = 6
) -> Axes:
    """Pictures in rows, below each its most likely name with the score.

    Parameters
    ----------
    images : uint8 tensor (n, 3, h, w)
    files, best : one for each picture, or more, which are not shown
    """
    columns = min(checks.count("columns", columns, 1), len(images))
    rows, side = -(-len(images) // columns), images.shape[-1]
    number = f"{len(images)} {said('of')} {len(best)}" if len(images) < len(best) else f"{len(best)}"
    about = said(f"{number} photos with their most likely name and its {scores_are}")
    told = [f"{file}: {name} ({score})" for file, (name, score) in zip(files, best[: len(images)])]
    axes = new_figure(
        max(4.5, columns * 1.75),
        rows * 2.15 + 0.5,
        f"{about}: {'; '.join(told)}.",
    )
    for k, picture in enumerate(images):
        left, top = (k % columns) * side * 1.25, (k // columns) * side * 1.5
        place = (left, left + side, top + side, top)
        axes.imshow(picture.permute(1, 2, 0).numpy(), extent=place, interpolation="lanczos")
        name, score = best[k]
        axes.text(
            left,
            top + side * 1.06,
            _short(name, 18),
            va="top",
            fontsize=9.5,
            color=ink(),
            weight="bold",
            parse_math=False,
        )
        axes.text(left, top + side * 1.24, score, va="top", fontsize=9.5, color=ink())
    axes.set_xlim(-2, columns * side * 1.25)
    axes.set_ylim(rows * side * 1.5, -4)
    axes.set_axis_off()
    axes.set_title(f"{number} photos, each with its {scores_are}")
    return axes


@styled
def plot_confusion(confusion: np.ndarray, class_names: Sequence[str], title: str = "") -> Axes:
    """Which class is taken for which, a row for each true class; of many classes those with the most mistakes.

    The colour is the share of the row. What the classes that are shown are taken for, and is not shown
    itself, is added up in the last column.

    Parameters
    ----------
    confusion : int array (k, k), true classes down, answers across
    """
    shown = most_mistaken(confusion, _MOST)
    counts, answers = confusion[np.ix_(shown, shown)], [_short(class_names[k]) for k in shown]
    if len(shown) < len(confusion):
        others = confusion[shown].sum(1) - counts.sum(1)
        counts, answers = np.column_stack([counts, others]), [*answers, "another class"]
        title = f"{title}: the {len(shown)} of {len(confusion)} classes that are mixed up most"
    totals = counts.sum(1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    side = 0.42 * len(shown)
    axes = new_figure(max(5.0, 3.0 + side), max(3.6, 2.4 + side), _in_words(confusion, class_names, title))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal", interpolation="nearest")
    for row, column in zip(*counts.nonzero()):
        dark = shares[row, column] > 0.55
        axes.text(
            column, row, f"{counts[row, column]}", ha="center", va="center", fontsize=9,
            color="#ffffff" if dark else "#000000",
        )  # fmt: skip
    axes.set_xticks(range(len(answers)), answers, rotation=60, ha="right", rotation_mode="anchor", fontsize=9)
    axes.set_yticks(range(len(shown)), answers[: len(shown)], fontsize=9)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)  # a class may be called "$5"
    axes.tick_params(length=0)
    axes.grid(False)
    axes.set_xlabel("answer (pictures)")
    axes.set_ylabel("true class")
    axes.set_title(title, fontsize=12)
    return axes


def most_mistaken(confusion: np.ndarray, most: int) -> list[int]:
    """Up to ``most`` classes, in their order: both sides of the most frequent mistakes, then any others."""
    pairs = [k for pair in worst_pairs(confusion, most * 5) for k in pair[:2]]
    return sorted(list(dict.fromkeys([*pairs, *range(len(confusion))]))[:most])


def worst_pairs(confusion: np.ndarray, count: int) -> list[tuple[int, int, int]]:
    """The most frequent mistakes: true class, answer, how often."""
    wrong = confusion - np.diag(confusion.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    return [(int(k), int(j), int(wrong[k, j])) for k, j in zip(*np.unravel_index(order, wrong.shape)) if wrong[k, j]]


def _short(name: str, most: int = 24) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _in_words(confusion: np.ndarray, class_names: Sequence[str], title: str) -> str:
    pairs = [f"{class_names[k]} taken for {class_names[j]} ({n})" for k, j, n in worst_pairs(confusion, 5)]
    right, total = int(confusion.trace()), int(confusion.sum())
    return f"{title or 'Confusion matrix'}. {right} of {total} right. Most often: {'; '.join(pairs) or 'no mistake'}."
