"""The two drawings of lesson 00: what ten photos are good for, and what a network is."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes

from tlkit.data.splits import Split, load_dataset
from tlkit.figures.colours import COLOURS
from tlkit.figures.galleries import mark_answer
from tlkit.figures.style import new_figure, styled
from tlkit.nets.backbone import Backbone
from tlkit.nets.backbones import load_backbone
from tlkit.transfer.probe_ways import linear_probe
from tlkit.transfer.probes import LinearProbe

__all__: list[str] = []

_SHOWN = 12


def first_minute() -> Axes:
    """Ten photos of one flower, and a dozen unseen ones as named from pixels and from codes: measured now, seed 0."""
    split = load_dataset("flowers", per_class=10, seed=0)
    codes = linear_probe(split)
    codes.open_test()
    rows = [part.images.flatten(1).numpy().astype("float32") for part in (split.train, split.val, split.test)]
    pixels = LinearProbe("svm", Cs=(1e-5, 1e-4, 1e-3)).fit(rows[0], split.train.labels, rows[1], split.val.labels)
    answers = {"Without transfer": pixels.predict(rows[2]), "With transfer": codes.test_answers}
    return _ten_in_a_dozen_out(split, answers)


@styled
def _ten_in_a_dozen_out(split: Split, answers: dict[str, np.ndarray]) -> Axes:
    labels, shown = split.test.labels.numpy(), np.linspace(0, len(split.test) - 1, _SHOWN).astype(int)
    shares = {name: np.mean(given == labels) for name, given in answers.items()}
    kind = int(labels[shown[1]])
    ten = split.train.images[split.train.labels == kind][:10]
    said = "; ".join(f"{name.lower()} {share:.0%} of {len(labels)} are named rightly" for name, share in shares.items())
    axes = new_figure(
        9.4, 6.1, f"Ten training photos of {split.class_names[kind]}, and the same twelve unseen flowers twice: {said}."
    )
    for k, picture in enumerate(ten):
        row, column = divmod(k, 2)
        place = (column, column + 0.92, 0.55 + 1.05 * row + 0.92, 0.55 + 1.05 * row)
        axes.imshow(picture.permute(1, 2, 0).numpy(), extent=place, interpolation="lanczos")
    words = {"weight": "bold", "va": "bottom", "fontsize": 12}
    axes.text(0, 0.48, "Ten photos of each\nof 17 flowers", **words)
    for block, (name, given) in enumerate(answers.items()):
        top = 0.55 + 2.9 * block
        heading = f"{name}: {shares[name]:.0%} of {len(labels)} unseen flowers named rightly"
        axes.text(2.9, top - 0.07, heading, color=COLOURS[2] if block else COLOURS[1], **words)
        for k, row in enumerate(shown):
            corner = 2.9 + k % 6, top + 1.3 * (k // 6)
            picture, right = split.test.images[row].permute(1, 2, 0).numpy(), given[row] == labels[row]
            mark_answer(axes, picture, corner, split.class_names[given[row]], right)
    axes.annotate("", (2.78, 3.1), (2.05, 3.1), arrowprops={"arrowstyle": "-|>", "lw": 3, "color": "#777777"})
    axes.set_xlim(-0.05, 8.85)
    axes.set_ylim(6.0, -0.06)
    axes.set_axis_off()
    return axes


def network_strip() -> Axes:
    """A network as a strip: a picture, a chain of stages, 512 numbers, scissors, and the names of its own task."""
    split, backbone = load_dataset("flowers", per_class=10, seed=0), load_backbone("minivgg", device="cpu")
    return _strip(split.train.images[3:4], backbone)


@styled
def _strip(picture: torch.Tensor, backbone: Backbone) -> Axes:
    axes = new_figure(
        9.4,
        2.5,
        "A network as a strip: a picture of 64 x 64 pixels; five stages conv1 to conv5, each with four of its maps, "
        "ever coarser; two stages fc6 and fc7; 512 numbers, the codes; the last layer, which names its own 100 things, "
        "is cut off with scissors. In its place the codes go to your classifier, which names 17 flowers.",
    )
    with torch.inference_mode():
        stages = dict(backbone.sweep(picture, backbone.stage_names))
    arrow = {"arrowstyle": "-|>", "lw": 1.6, "color": "#000000", "shrinkA": 0, "shrinkB": 0}
    axes.imshow(picture[0].permute(1, 2, 0).numpy(), extent=(0, 1, 1, 0), interpolation="lanczos")
    axes.text(0.5, -0.14, "a picture", ha="center", weight="bold", fontsize=10)
    axes.text(0.5, 1.12, "64 × 64\npixels", ha="center", va="top", fontsize=10)
    left = 1.3
    for name, maps in stages.items():
        axes.annotate("", (left, 0.5), (left - 0.28, 0.5), arrowprops=arrow)
        if maps.dim() == 4:
            _four_maps(axes, maps[0], left)
            below, width = f"{maps.shape[1]} maps\n{maps.shape[2]} × {maps.shape[3]}", 0.8
        else:
            column = maps[0].reshape(-1, 8).numpy()
            axes.imshow(column, extent=(left, left + 0.16, 1, 0), cmap="gray", aspect="auto")
            below, width = f"{maps.shape[1]}", 0.16
        axes.text(left + width / 2, -0.14, name, ha="center", weight="bold", fontsize=10)
        axes.text(left + width / 2, 1.12, below, ha="center", va="top", fontsize=10)
        left += width + 0.4
    _cut(axes, left - 0.4, arrow)
    axes.set_xlim(-0.05, left + 2.5)
    axes.set_ylim(1.95, -0.42)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return axes


def _cut(axes: Axes, left: float, arrow: dict) -> None:
    """Behind the codes: the network's own last layer, cut off, and a classifier of one's own in its place."""
    style = {"va": "center", "fontsize": 10, "weight": "bold"}
    box = {"boxstyle": "round,pad=0.35", "fc": "#ffffff"}
    axes.annotate(
        "", (left + 0.95, 0.1), (left + 0.04, 0.4), arrowprops=arrow | {"color": "#999999", "linestyle": "--"}
    )
    axes.text(left + 0.45, 0.3, "✂", ha="center", va="center", fontsize=26, color=COLOURS[1])
    axes.text(
        left + 1.1, 0, "its last layer:\n100 other things", color="#707070", bbox=box | {"ec": "#999999"}, **style
    )
    axes.annotate("", (left + 0.95, 1.0), (left + 0.04, 0.6), arrowprops=arrow | {"color": COLOURS[0], "lw": 2.4})
    blue = {"color": COLOURS[0], "bbox": box | {"ec": COLOURS[0], "lw": 2}}
    axes.text(left + 1.1, 1.08, "your classifier:\n17 flowers", **blue, **style)
    axes.annotate(
        "the codes of this picture:\n512 numbers",
        (left - 0.08, 1.4),
        (left - 0.08, 1.95),
        color=COLOURS[0],
        ha="center",
        arrowprops=arrow | {"color": COLOURS[0]},
        **style,
    )


def _four_maps(axes: Axes, maps: torch.Tensor, left: float) -> None:
    """The four maps of a stage that are brightest, two by two."""
    brightest = maps[maps.mean((1, 2)).argsort(descending=True)[:4]]
    for k, one in enumerate(brightest / brightest.amax((1, 2), keepdim=True).clamp(min=1e-6)):
        row, column = divmod(k, 2)
        x, y = left + 0.41 * column, 0.1 + 0.41 * row
        axes.imshow(one.numpy(), extent=(x, x + 0.38, y + 0.38, y), cmap="gray", interpolation="nearest")
        axes.add_patch(plt.Rectangle((x, y), 0.38, 0.38, fill=False, edgecolor="#000000", linewidth=0.6))
