"""The map drawn as a map: which way won where, by how much, and where the rule of the literature loses."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Patch, Rectangle
from matplotlib.patheffects import withStroke

from tlkit.figures.colours import WAY_COLOURS
from tlkit.figures.style import ink, paper, styled
from tlkit.intervals import Interval, points
from tlkit.language import said
from tlkit.study.decision import DecisionMap, boards_of
from tlkit.study.places import RULE, SMALL, quadrant
from tlkit.transfer.ways import CHOICES, TWO_LINES

__all__ = ["plot_winners"]

_SHORT = TWO_LINES | {"fine-tuning": "fine-\ntuning", "pretrained start": "pre-\ntrained"}
_RULES = {
    "probe": "rule: probe",
    "earlier stage": "rule: earlier stage",
    "fine-tuning": "rule: fine-tuning",
    "pretrained start": "rule: pretrained start",
}
_TITLES = {"drawn": "Drawn pictures", "photos": "Photos"}
_ACROSS, _UP = 0.34, 0.46  # between the rule's fields, in places: room for their frames and the words on them
_STRONG, _PALE = 0.72, 0.3  # how much of a way's colour a place has


@dataclass(frozen=True)
class Winner:
    """Which way won at one place.

    Attributes
    ----------
    dataset, per_class : the place
    way, second : the best on val and the runner-up; None if fewer than two ways were measured
    lead : Interval, test accuracy of the one minus that of the other, paired over draws
    rule_loses : whether the winner beats the rule's way clear of the noise; None where nobody can say yet
    missing : ways that were not measured
    """

    dataset: str
    per_class: int
    way: str | None = None
    second: str | None = None
    lead: Interval | None = None
    rule_loses: bool | None = None
    missing: Sequence[str] = ()

    def __str__(self) -> str:
        place = f"{self.dataset} {self.per_class}"
        if self.way is None:
            return f"{place}: not measured yet"
        told = [f"{place}: {said(self.way)}", points(self.lead), f"{said('over')} {said(self.second)}"]
        told += {True: ["the rule loses"], False: [], None: ["nothing to judge the rule by yet"]}[self.rule_loses]
        told += [f"not measured yet: {' and '.join(self.missing)}"] if self.missing else []
        return ", ".join(map(said, told))


def winner_at(measured: DecisionMap, dataset: str, per_class: int) -> Winner:
    """The winner of a place, its lead, and what becomes of the rule there."""
    here, missing = measured.at(dataset, per_class), measured.missing(dataset, per_class)
    if len(here.ways) < 2:
        return Winner(dataset, per_class, missing=missing)
    way, second, *_ = measured.ranking(dataset, per_class)
    loses = None
    if RULE[quadrant(dataset, per_class)] not in missing:
        advice = measured.recommend(dataset, per_class)
        loses = None if advice.rule_unsure else not advice.rule_holds
    return Winner(dataset, per_class, way, second, here.difference(way, second), loses, missing)


@styled
def plot_winners(*maps: DecisionMap) -> Axes:
    """The map drawn as a map: similarity across, size upward, each place in the colour of the way that won there.

    A place says by how many points of test accuracy the winner, chosen on val, leads the runner-up. It
    is pale where that lead is inside the noise, and hatched where the rule of the literature loses,
    which is where the winner beats the rule's way clear of the noise. The frames are the four fields of the
    rule, in the colours of their ways: where a place has the colour of its frame, the rule names the winner.
    A lead can be negative: val chose the winner, and test had its own opinion.

    Parameters
    ----------
    maps : DecisionMap, one or several
        Each network of each is a panel of its own. By default the maps that ship with the course.

    Returns
    -------
    Axes
        Of the first panel.
    """
    boards = boards_of(maps or None)
    widths = [len(measured.datasets) + _ACROSS for measured in boards.values()]
    size = 0.9 + 0.64 * sum(widths) + 0.3 * len(boards), 5.6 if len(boards) > 1 else 5.9
    layout = {"figsize": size, "width_ratios": widths, "layout": "constrained", "squeeze": False}
    figure, panels = plt.subplots(1, len(boards), **layout)
    plt.close(figure)
    told, whole = [], True
    for axes, ((world, network), measured) in zip(panels[0], boards.items()):
        places = [(dataset, size) for dataset in measured.datasets for size in measured.sizes_of(dataset)]
        winners = [winner_at(measured, *place) for place in places]
        whole = whole and not any(winner.missing for winner in winners)
        title, found = f"{said(_TITLES[world])}, {network}", _verdict(winners)
        axes.set_title(f"{title}\n", fontsize=11.5)
        axes.annotate(found, (0, 1), (0, 13), "axes fraction", textcoords="offset points", fontsize=10)
        _draw_board(axes, measured, winners)
        told.append(f"{title}: {said(found)}. {'; '.join(map(str, winners))}")
    panels[0, 0].set_ylabel("images per class", fontsize=10.5)
    _draw_legend(figure, len(boards) == 1, whole)
    about = said(
        "The measured map: the way that won at each target and number of images per class, by how much on test it "
        "leads the runner-up on val, and where the rule of the literature loses."
    )
    figure.alt_text = f"{about} {'. '.join(told)}."
    return panels[0, 0]


def _verdict(winners: Sequence[Winner]) -> str:
    """What the panel shows about the rule, in a line."""
    judged = [winner.rule_loses for winner in winners if winner.rule_loses is not None]
    if not judged:
        return "too little measured to judge the rule"
    if len(judged) < len(winners):
        return f"the rule loses at {sum(judged)} of {len(judged)} places so far"
    return f"the rule loses at {sum(judged)} of {len(judged)} places"


def rows_of(measured: DecisionMap) -> list[list[int]]:
    """The rows of the map from below, each of one size, or of several where targets end at different ones."""
    every = [set(measured.sizes_of(dataset)) for dataset in measured.datasets]
    rows: list[list[int]] = []
    for size in measured.sizes:
        row = rows[-1] if rows else []
        alone = all(len(sizes & {*row, size}) < 2 for sizes in every)
        if row and alone and (row[0] <= SMALL) == (size <= SMALL):
            row.append(size)
        else:
            rows.append([size])
    return rows


def _draw_board(axes: Axes, measured: DecisionMap, winners: Sequence[Winner]) -> None:
    """The places of one network, and the frames of the rule around them; both halves of the map are equally high."""
    likeness = {dataset: quadrant(dataset, 1)[1] for dataset in measured.datasets}
    x = {name: k + _ACROSS * (like == "different") for k, (name, like) in enumerate(likeness.items())}
    rows = rows_of(measured)
    few = sum(row[0] <= SMALL for row in rows)
    heights = [2 / (few if k < few else len(rows) - few) for k in range(len(rows))]
    bottoms = [sum(heights[:k]) + _UP * (0 < few <= k) for k in range(len(rows))]
    y = {size: (bottoms[k], heights[k]) for k, row in enumerate(rows) for size in row}
    for winner in winners:
        _draw_place(axes, x[winner.dataset], *y[winner.per_class], winner)
    for (size, like), way in RULE.items():
        across = [left for name, left in x.items() if likeness[name] == like]
        up = [y[row[0]] for row in rows if (row[0] <= SMALL) == (size == "small")]
        if across and up:
            _draw_frame(axes, across[0], up[0][0], across[-1] + 1, sum(up[-1]), way)
    axes.set_xticks([left + 0.5 for left in x.values()], [name.replace("_", "_\n") for name in x], fontsize=8.8)
    labels = [f" {said('or')} ".join(map(str, row)) for row in rows]
    middles = [bottom + height / 2 for bottom, height in zip(bottoms, heights)]
    axes.set_yticks(middles, labels, fontsize=10, rotation=90, va="center")
    for like, words in (("similar", "similar"), ("different", "very different")):
        if across := [left + 0.5 for name, left in x.items() if likeness[name] == like]:
            below = (sum(across) / len(across), 0), (0, -43), "data"
            axes.annotate(words, *below, textcoords="offset points", ha="center", fontsize=10.5)
    axes.set_xlim(-0.09, max(x.values()) + 1.09)
    axes.set_ylim(-0.09, bottoms[-1] + heights[-1] + 0.35)
    axes.tick_params(length=0, pad=3)
    axes.grid(False)
    axes.spines[:].set_visible(False)


def _draw_place(axes: Axes, left: float, bottom: float, height: float, winner: Winner) -> None:
    """One place: the colour of its winner, the name, and the lead in points."""
    lines = [("not yet", 9)]
    box = (left + 0.03, bottom + 0.03), 0.94, height - 0.06
    if winner.way is None:
        axes.add_patch(Rectangle(*box, facecolor="none", edgecolor=to_rgba(ink(), 0.3), linestyle=":"))
    else:
        colour = to_rgba(WAY_COLOURS[winner.way], _STRONG if winner.lead.clear else _PALE)
        axes.add_patch(Rectangle(*box, facecolor=colour, edgecolor="none"))
        lead = points(winner.lead.mean).removesuffix(" points").replace("-", "−")
        name = said(_SHORT.get(winner.way, winner.way)) + "*" * bool(winner.missing)
        lines = [*((line, 9) for line in name.split("\n")), (lead, 10.5)]
    if winner.rule_loses:
        axes.add_patch(Rectangle(*box, facecolor="none", edgecolor=to_rgba(ink(), 0.42), hatch="///", linewidth=0))
    halo = [withStroke(linewidth=2.6, foreground=paper(), alpha=0.7)] if winner.rule_loses else []
    for k, (line, size) in enumerate(lines):
        at, weight = 12.5 * ((len(lines) - 1) / 2 - k), "bold" if size > 10 else "normal"
        words = {"ha": "center", "va": "center", "fontsize": size, "weight": weight, "path_effects": halo}
        middle = (left + 0.5, bottom + height / 2)
        axes.annotate(line, middle, (0, at), "data", textcoords="offset points", **words)


def _draw_frame(axes: Axes, left: float, bottom: float, right: float, top: float, way: str) -> None:
    """One field of the rule, in the colour of its way, which is named above."""
    look = {"boxstyle": "round,pad=0.05,rounding_size=0.1", "facecolor": "none", "linewidth": 2.6}
    axes.add_patch(FancyBboxPatch((left, bottom), right - left, top - bottom, edgecolor=WAY_COLOURS[way], **look))
    axes.text(left, top + 0.2, _RULES[way], va="center", fontsize=9)


def _draw_legend(figure: plt.Figure, narrow: bool, whole: bool) -> None:
    shown = [Patch(facecolor=to_rgba(WAY_COLOURS[way], _STRONG), label=way) for way in CHOICES]
    shown += [
        Patch(facecolor=to_rgba(ink(), 0.2), label="pale: lead inside the noise"),
        Patch(facecolor="none", edgecolor=to_rgba(ink(), 0.6), hatch="////", label="the rule loses"),
    ]
    if not whole:
        shown.append(Line2D([], [], linestyle="none", label="* a way is not measured yet"))
    look = {"ncols": 3 if narrow else (len(shown) + 1) // 2, "fontsize": 9.2, "handlelength": 1.4, "columnspacing": 1.3}
    figure.legend(handles=shown, loc="outside lower center", **look)
